//! Calls: `geoDistance` and `strftime`.

use super::{Resolver, Result, invalid};
use crate::compare::{Literals, Merging, Resolved};
use crate::node::Operand;
use crate::syntax::Term;

/// Arguments of a `strftime`.
const MAX_ARGUMENTS: usize = 10;

impl Resolver<'_> {
    pub(super) fn call(&mut self, name: &str, arguments: &[Term]) -> Result<Resolved> {
        match name {
            "geoDistance" => self.distance(arguments),
            "strftime" => self.strftime(arguments),
            _ => invalid(format!("unknown function {name:?}")),
        }
    }

    /// Any row of paths with several values will do.
    fn distance(&mut self, arguments: &[Term]) -> Result<Resolved> {
        let [lon_a, lat_a, lon_b, lat_b] = arguments else {
            return invalid(format!("[geoDistance] expected 4 arguments, got {}", arguments.len()));
        };
        let mut literals = Literals::None;
        let mut operand = |index: usize, term: &Term| {
            if !matches!(term, Term::Name(_) | Term::Number(..)) {
                return invalid(format!("[geoDistance] argument {index} must be an identifier or number"));
            }
            let resolved = self.term(term)?;
            literals = literals.with(resolved.literals);
            Ok(resolved.operand)
        };
        let points = [operand(0, lon_a)?, operand(1, lat_a)?, operand(2, lon_b)?, operand(3, lat_b)?];
        let operand = Operand::Distance(Box::new(points));
        Ok(Resolved { merging: Merging::Never, literals, ..Resolved::new(operand) })
    }

    fn strftime(&mut self, arguments: &[Term]) -> Result<Resolved> {
        match arguments {
            [] => return invalid("[strftime] expected at least 1 arguments, got 0"),
            [Term::Text(_), ..] if arguments.len() <= MAX_ARGUMENTS => {}
            [Term::Text(_), ..] => return invalid("[strftime] too many arguments"),
            _ => return invalid("[strftime] expects the first argument to be a format string"),
        }
        if matches!(arguments.get(1), Some(Term::Call(..))) {
            return invalid("[strftime] expects the second argument to be of a valid time-value type");
        }
        if arguments.iter().skip(2).any(|modifier| !matches!(modifier, Term::Text(_))) {
            return invalid("[strftime] invalid modifier argument - can be only string");
        }
        let mut literals = Literals::None;
        let mut operands = Vec::with_capacity(arguments.len());
        let mut many = None;
        for (index, argument) in arguments.iter().enumerate() {
            let resolved = self.term(argument)?;
            literals = literals.with(resolved.literals);
            operands.push(resolved.operand);
            if index == 1 {
                many = resolved.many;
            }
        }
        if let Some(many) = &mut many {
            let mut inner = operands.clone();
            inner[1] = std::mem::replace(&mut many.operand, Operand::NULL);
            many.operand = Operand::Strftime(inner);
        }
        let operand = Operand::Strftime(operands);
        Ok(Resolved { merging: Merging::Always, literals, many, ..Resolved::new(operand) })
    }
}
