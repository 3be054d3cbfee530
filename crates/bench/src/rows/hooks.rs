//! What user code in the server costs those who write.

use std::sync::Arc;

use anyhow::Result;

use super::{Home, Host, OURS, Row, Stage, requests};
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::topic::Topic;

/// Each reads two fields of the record and returns.
const AFTER: &str = "onRecordAfterCreate((e) => { if (e.record.id === e.record.mark) log(1); });\n";
const BEFORE: &str = "onRecordBeforeCreate((e) => { if (e.record.id === e.record.mark) log(1); });\n";
const UNDER_WAY: usize = 16;

pub fn rows(_: &Plan) -> Vec<Row> {
    let scripts = [("no hooks", ""), ("one after-hook", AFTER), ("one before-hook", BEFORE)];
    let row = |(name, script): (&str, &'static str)| {
        let name = format!("{name}, {UNDER_WAY} under way");
        Row::new(Topic::Hooks, name, OURS, Home::Own, move |stage| create(stage, script))
    };
    scripts.map(row).into()
}

fn create(stage: &Stage, script: &str) -> Result<Outcome> {
    let host = Host::with_hook(&stage.program, &stage.keeper, script)?;
    requests::create(&Stage { host: Some(Arc::new(host)), ..stage.clone() }, UNDER_WAY)
}
