//! The distance between two points on Earth.

use crate::query::SqlValue;
use crate::scalar::Scalar;
use std::borrow::Cow;

/// Name of the SQL function that statements call for a distance; the store registers it with four arguments.
pub const GEO_DISTANCE: &str = "tw_geo_distance";

/// Kilometres between two points given as lon, lat, lon, lat in degrees; `None` if one is not a number.
pub fn geo_distance(arguments: [SqlValue; 4]) -> Option<f64> {
    distance(arguments.map(|value| {
        let scalar = match value {
            SqlValue::Null => Scalar::Null,
            SqlValue::Integer(int) => Scalar::Int(int),
            SqlValue::Real(real) => Scalar::Real(real),
            SqlValue::Text(text) => Scalar::Text(Cow::Owned(text)),
        };
        scalar.to_number()
    }))
}

pub(crate) fn distance(numbers: [Option<f64>; 4]) -> Option<f64> {
    const RADIUS: f64 = 6371.0;
    let [lon_a, lat_a, lon_b, lat_b] = numbers;
    let radians = |degrees: f64| degrees * (std::f64::consts::PI / 180.0);
    let (lon_a, lat_a) = (radians(lon_a?), radians(lat_a?));
    let (lon_b, lat_b) = (radians(lon_b?), radians(lat_b?));
    let cosine = lat_a.cos() * lat_b.cos() * (lon_b - lon_a).cos() + lat_a.sin() * lat_b.sin();
    Some(RADIUS * cosine.acos()).filter(|kilometres| !kilometres.is_nan())
}
