use crate::shards::{RowId, ShardId};

/// Where the members of one class sit: a row in each shard that has some. Most classes have one.
#[derive(Default)]
pub(crate) enum Rows {
    #[default]
    None,
    One(ShardId, RowId),
    Many(Vec<(ShardId, RowId)>),
}

impl Rows {
    pub fn get(&self, shard: ShardId) -> Option<RowId> {
        match self {
            Self::None => None,
            Self::One(known, row) => (*known == shard).then_some(*row),
            Self::Many(rows) => rows.iter().find(|(known, _)| *known == shard).map(|(_, row)| *row),
        }
    }

    /// A row in a shard that had none.
    pub fn add(&mut self, shard: ShardId, row: RowId) {
        match self {
            Self::None => *self = Self::One(shard, row),
            Self::One(first, first_row) => *self = Self::Many(vec![(*first, *first_row), (shard, row)]),
            Self::Many(rows) => rows.push((shard, row)),
        }
    }

    pub fn remove(&mut self, shard: ShardId) {
        match self {
            Self::One(known, _) if *known == shard => *self = Self::None,
            Self::None | Self::One(..) => {}
            Self::Many(rows) => {
                rows.retain(|(known, _)| *known != shard);
                if let [(shard, row)] = rows[..] {
                    *self = Self::One(shard, row);
                }
            }
        }
    }

    pub fn each(&self, mut found: impl FnMut(ShardId, RowId)) {
        match self {
            Self::None => {}
            Self::One(shard, row) => found(*shard, *row),
            Self::Many(rows) => rows.iter().for_each(|(shard, row)| found(*shard, *row)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_knows_one_row_of_each_shard() {
        let mut rows = Rows::default();
        let check = |rows: &Rows, expected: &[(ShardId, RowId)]| {
            let mut found = Vec::new();
            rows.each(|shard, row| found.push((shard, row)));
            assert_eq!(found, expected);
            for shard in 0..4 {
                let row = expected.iter().find(|(known, _)| *known == shard).map(|(_, row)| *row);
                assert_eq!(rows.get(shard), row, "{shard} of {expected:?}");
            }
        };
        check(&rows, &[]);
        rows.add(1, 7);
        check(&rows, &[(1, 7)]);
        rows.remove(2);
        rows.add(3, 9);
        rows.add(0, 5);
        check(&rows, &[(1, 7), (3, 9), (0, 5)]);
        rows.remove(3);
        rows.remove(1);
        check(&rows, &[(0, 5)]);
        rows.remove(0);
        check(&rows, &[]);
    }
}
