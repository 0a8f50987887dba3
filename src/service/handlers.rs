//! The actions of a service: which one answers a message, and its run.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};

use super::error::ServiceError;
use super::sharding::SharedPin;
use crate::routing::{Offer, Pattern, Tree};

type Running = Pin<Box<dyn Future<Output = Result<Value, ServiceError>> + Send>>;
type Action = dyn Fn(Value) -> Running + Send + Sync;

tokio::task_local! {
    /// When the call that an action works on must be answered: what the
    /// action calls itself is bounded by it.
    static DEADLINE: Instant;
}

/// Until when the action that runs here may take.
pub(super) fn inherited_deadline() -> Option<Instant> {
    DEADLINE.try_with(|deadline| *deadline).ok()
}

/// One action.
#[derive(Clone)]
pub(super) struct Handler {
    pub pattern: Arc<Pattern>,
    /// How others are told to call it, its sharding apart.
    pub offer: Arc<Offer>,
    action: Arc<Action>,
}

impl Handler {
    /// Runs it. Always ends, at its deadline at the latest, and never panics.
    pub async fn run(
        &self,
        act: Map<String, Value>,
        deadline: Instant,
    ) -> Result<Value, ServiceError> {
        let begun = Instant::now();
        let action = self.action.clone();
        // The closure may panic before it has given us a future.
        let run = async move { action(Value::Object(act)).await };
        let run = DEADLINE.scope(deadline, caught(run));
        match timeout_at(deadline, run).await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => {
                let text = format!("Action {} failed: {}.", self.pattern, reason(&*panic));
                Err(ServiceError::new("act_execute", text))
            }
            Err(_) => {
                let took = begun.elapsed().as_millis();
                let text = format!("Action {} timed out after {took} ms.", self.pattern);
                Err(ServiceError::new("action_timeout", text))
            }
        }
    }
}

/// A future that turns a panic into its result.
pub(super) async fn caught<T>(future: impl Future<Output = T>) -> Result<T, Box<dyn Any + Send>> {
    let mut future = Box::pin(future);
    poll_fn(move |cx| {
        let poll = AssertUnwindSafe(|| future.as_mut().poll(cx));
        match catch_unwind(poll) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(result)) => Poll::Ready(Ok(result)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}

pub(super) fn reason(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic".into())
}

/// Every action of a service, and what others may ask.
#[derive(Default)]
pub(super) struct Handlers {
    tree: Tree<Handler>,
    pub(super) all: Vec<(Arc<Pattern>, Offer)>,
    /// Empty: others may ask everything.
    pub pins: Vec<Pattern>,
    /// Those that are shared out by a key. Others may ask these too.
    pub shared: Vec<Arc<SharedPin>>,
}

impl Handlers {
    /// Adds an action; the later one of a pattern counts.
    pub fn add<F, R>(&mut self, pattern: Pattern, offer: Offer, action: F)
    where
        F: Fn(Value) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Value, ServiceError>> + Send + 'static,
    {
        let pattern = Arc::new(pattern);
        self.all.retain(|(other, _)| *other != pattern);
        self.all.push((pattern.clone(), offer.clone()));
        let handler = Handler {
            pattern: pattern.clone(),
            offer: Arc::new(offer),
            action: Arc::new(move |msg| Box::pin(action(msg))),
        };
        self.tree.insert(&pattern, handler);
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The action that answers a message of this process.
    pub fn find(&self, act: &Map<String, Value>) -> Option<&Handler> {
        self.tree.find(act)
    }

    /// The action that answers a message of others.
    pub fn serve(&self, act: &Map<String, Value>) -> Result<&Handler, ServiceError> {
        let Some(handler) = self.find(act) else {
            let mut args = Value::Object(act.clone()).to_string();
            if let Some((end, _)) = args.char_indices().nth(400) {
                args.truncate(end);
            }
            let text = format!("No matching action pattern found for {args}.");
            return Err(ServiceError::new("act_not_found", text));
        };
        let inside = self.pins.is_empty() || self.asked().any(|pin| pin.matches(act));
        if !inside || handler.pattern.is_reserved() {
            let text = format!("This node does not answer {} for others.", handler.pattern);
            return Err(ServiceError::new("not_served", text));
        }
        Ok(handler)
    }
}

/// What an action may take when its caller names no time.
pub(super) fn deadline(timeout: Option<Duration>, default: Duration) -> Instant {
    Instant::now() + timeout.unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn handlers(patterns: &[&str], pins: &[&str]) -> Handlers {
        let mut handlers = Handlers::default();
        for text in patterns {
            let name = text.to_string();
            let pattern = Pattern::parse(text).unwrap();
            handlers.add(pattern, Offer::default(), move |_| {
                let name = name.clone();
                async move { Ok(json!({ "by": name })) }
            });
        }
        handlers.pins = pins
            .iter()
            .map(|pin| Pattern::parse(pin).unwrap())
            .collect();
        handlers
    }

    fn published(handlers: &Handlers) -> Vec<String> {
        handlers
            .published()
            .into_iter()
            .map(|(text, _)| text)
            .collect()
    }

    fn serve(handlers: &Handlers, act: Value) -> Result<String, String> {
        let found = handlers.serve(act.as_object().unwrap());
        found.map(|h| h.pattern.to_string()).map_err(|e| e.code)
    }

    #[test]
    fn only_what_is_answered_inside_the_pins_is_published() {
        let h = handlers(
            &["role:api,cmd:add", "role:web", "sys:gossip,get:x"],
            &["role:api"],
        );
        assert_eq!(published(&h), ["cmd:add,role:api"]);
        let h = handlers(&["role:api,cmd:add", "role:web"], &[]);
        assert_eq!(published(&h), ["cmd:add,role:api", "role:web"]);
        // A general action answers a narrower pin: only the pin tells of it.
        let h = handlers(&["role:api"], &["role:api,cmd:add"]);
        assert_eq!(published(&h), ["cmd:add,role:api"]);
    }

    #[test]
    fn others_may_ask_only_what_is_inside_the_pins() {
        let h = handlers(
            &["role:api,cmd:add", "role:web", "role:seneca,cmd:close"],
            &["role:api"],
        );
        let add = json!({ "role": "api", "cmd": "add", "x": 1 });
        assert_eq!(serve(&h, add).as_deref(), Ok("cmd:add,role:api"));
        let refusal = |act| serve(&h, act).unwrap_err();
        assert_eq!(refusal(json!({ "role": "web" })), "not_served");
        assert_eq!(
            refusal(json!({ "role": "seneca", "cmd": "close" })),
            "not_served"
        );
        assert_eq!(
            refusal(json!({ "role": "api", "cmd": "sub" })),
            "act_not_found"
        );
        let open = handlers(&["role:seneca,cmd:close"], &[]);
        let close = json!({ "role": "seneca", "cmd": "close" });
        assert_eq!(serve(&open, close).unwrap_err(), "not_served");
    }

    #[tokio::test]
    async fn a_run_always_ends() {
        let mut h = Handlers::default();
        let pattern = |text| Pattern::parse(text).unwrap();
        h.add(pattern("a:panic"), Offer::default(), |_| async {
            panic!("oh {}", 1)
        });
        h.add(pattern("a:early"), Offer::default(), |_| {
            if true {
                panic!("no future");
            }
            async { Ok(Value::Null) }
        });
        h.add(pattern("a:never"), Offer::default(), |_| {
            std::future::pending()
        });
        h.add(pattern("a:ask"), Offer::default(), |_| async {
            Ok(json!({ "inherits": inherited_deadline().is_some() }))
        });
        let run = async |text: &str| {
            let act = json!({ "a": text });
            let act = act.as_object().unwrap();
            let soon = deadline(Some(Duration::from_millis(20)), Duration::ZERO);
            h.find(act).unwrap().run(act.clone(), soon).await
        };
        assert!(run("panic").await.unwrap_err().message.contains("oh 1"));
        assert!(
            run("early")
                .await
                .unwrap_err()
                .message
                .contains("no future")
        );
        assert_eq!(run("never").await.unwrap_err().code, "action_timeout");
        assert_eq!(run("ask").await.unwrap(), json!({ "inherits": true }));
        assert!(inherited_deadline().is_none());
    }
}
