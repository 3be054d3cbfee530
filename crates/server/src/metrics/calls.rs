use super::{Metrics, Page};
use prometheus_client::encoding::NoLabelSet;
use prometheus_client::metrics::MetricType;
use std::fmt;
use tidewire_hooks::{Event, Stats};

type Number = fn(&Stats) -> u64;

impl Metrics {
    /// Of all hooks, by event.
    pub(super) fn call_numbers(&self, page: &mut Page<'_>) -> fmt::Result {
        let all: Vec<_> =
            Event::ALL.into_iter().map(|event| (event, self.store.hooks().stats(event))).collect();
        let called: Vec<_> = all.into_iter().filter(|(_, stats)| stats.calls > 0).collect();
        let numbers: [(&str, &str, Number); 4] = [
            ("hook_calls", "Calls of hooks", |stats| stats.calls),
            ("hook_refusals", "Calls that refused what was about to happen", |stats| stats.refusals),
            ("hook_failures", "Calls that broke", |stats| stats.failures),
            ("hook_timeouts", "Calls that took longer than their time limit", |stats| stats.timeouts),
        ];
        for (name, help, number) in numbers {
            page.events(name, help, &called, |stats| number(stats) as f64)?;
        }
        let help = "Time that was spent in hooks";
        page.events("hook_seconds", help, &called, |stats| stats.took.as_secs_f64())
    }
}

impl Page<'_> {
    fn events(
        &mut self,
        name: &str,
        help: &str,
        called: &[(Event, Stats)],
        number: impl Fn(&Stats) -> f64,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (event, stats) in called {
            let labels = [("event", event.name())];
            metric.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&number(stats), None)?;
        }
        Ok(())
    }
}
