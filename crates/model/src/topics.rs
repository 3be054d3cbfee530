use serde::{Deserialize, Serialize};

/// What holds for custom topics that begin alike. The JSON form is that of the settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TopicRule {
    pub prefix: Box<str>,
    /// who may subscribe: `None` superusers only, "" everyone, else an expression
    pub subscribe: Option<Box<str>>,
    /// who may publish, likewise; server code and keys of servers always may
    pub publish: Option<Box<str>>,
    /// messages are kept and can be replayed
    pub durable: bool,
    /// seconds; 0: as long as the log of changes
    pub max_age: u64,
    /// messages of one topic; 0: any number
    pub max_messages: u64,
    /// bytes of the messages of one topic; 0: any number
    pub max_bytes: u64,
}

impl Default for TopicRule {
    fn default() -> Self {
        Self {
            prefix: "".into(),
            subscribe: Some("".into()),
            publish: None,
            durable: false,
            max_age: 0,
            max_messages: 0,
            max_bytes: 0,
        }
    }
}

/// The rules of all custom topics.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Topics {
    pub rules: Vec<TopicRule>,
}

impl Topics {
    /// What the settings say about a topic: the longest prefix wins.
    pub fn of(&self, topic: &str) -> Option<&TopicRule> {
        let matching = self.rules.iter().filter(|rule| topic.starts_with(&*rule.prefix));
        matching.max_by_key(|rule| rule.prefix.len())
    }

    /// The rule by which messages of a topic are kept, if they are.
    pub fn keeping(&self, topic: &str) -> Option<&TopicRule> {
        self.of(topic).filter(|rule| rule.durable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_wins() {
        let text = r#"[{"prefix":"jobs/"},{"prefix":"","publish":""},{"prefix":"jobs/big/","durable":true,
            "subscribe":null,"maxAge":60}]"#;
        let topics: Topics = serde_json::from_str(text).unwrap();
        for (topic, prefix, durable) in [
            ("jobs/1", Some("jobs/"), false),
            ("jobs/big/1", Some("jobs/big/"), true),
            ("jobs", Some(""), false),
            ("x", Some(""), false),
        ] {
            assert_eq!(topics.of(topic).map(|rule| &*rule.prefix), prefix);
            assert_eq!(topics.keeping(topic).is_some(), durable, "{topic}");
        }
        let rule = topics.of("jobs/big/1").unwrap();
        assert_eq!((&rule.subscribe, rule.max_age, rule.max_bytes), (&None, 60, 0));
        assert_eq!(topics.of("jobs/1").unwrap().subscribe.as_deref(), Some(""));
        assert!(Topics::default().of("x").is_none());
    }
}
