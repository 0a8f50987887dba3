//! What a user would know who only listens to the events of an engine.
//!
//! Routing is fed that way: where the events and the accessors of an engine
//! tell different stories, calls go to the wrong place.

use std::collections::BTreeMap;

use crate::engine::{Engine, Event, Millis};
use crate::liveness::Verdict;
use crate::membership::Status;
use crate::state::Value;

/// The members and their values, by the events alone.
#[derive(Debug, Default)]
pub(super) struct Mirror {
    members: BTreeMap<String, Status>,
    values: BTreeMap<String, BTreeMap<String, Value>>,
    /// An event that cannot follow what went before.
    odd: Option<String>,
}

impl Mirror {
    pub(super) fn hear(&mut self, event: &Event) {
        match event {
            Event::Join { name } => {
                if self.members.insert(name.clone(), Status::Alive).is_some() {
                    self.odd = Some(format!("{name} joined twice"));
                }
            }
            // Also said of the living, when a newer generation appears.
            Event::Alive { name } if self.members.contains_key(name) => {
                self.members.insert(name.clone(), Status::Alive);
            }
            Event::Alive { name } => self.change(name, Status::Alive),
            Event::Suspect { name } => self.change(name, Status::Suspect),
            Event::Fail { name } => self.change(name, Status::Dead),
            Event::Leave { name, status } => self.change(name, *status),
            Event::Forget { name } => {
                self.values.remove(name);
                if self.members.remove(name).is_none() {
                    self.odd = Some(format!("{name} forgotten, but never joined"));
                }
            }
            Event::Update { name, key, value } => {
                let values = self.values.entry(name.clone()).or_default();
                match value {
                    Some(value) => values.insert(key.clone(), value.clone()),
                    None => values.remove(key),
                };
            }
            Event::Drained | Event::Synced | Event::SeedFailed { .. } | Event::Log { .. } => {}
        }
    }

    fn change(&mut self, name: &str, status: Status) {
        match self.members.get_mut(name) {
            None => self.odd = Some(format!("{name} is {status:?}, but never joined")),
            Some(was) if *was == status => {
                self.odd = Some(format!("{name} became {status:?}, which it was"));
            }
            Some(was) => *was = status,
        }
    }

    /// Tells where the events and the accessors of an engine differ.
    pub(super) fn compare(&self, engine: &Engine, local: Millis) -> Result<(), String> {
        let me = engine.name();
        if let Some(odd) = &self.odd {
            return Err(format!("events of {me}: {odd}"));
        }
        let members: BTreeMap<String, Status> = engine
            .members(local)
            .into_iter()
            .filter(|member| !member.is_self)
            .map(|member| (member.name, member.status))
            .collect();
        if members != self.members {
            return Err(format!(
                "events of {me} tell of {:?}, its members are {members:?}",
                self.members
            ));
        }
        let none = BTreeMap::new();
        for name in members.keys() {
            let told = self.values.get(name).unwrap_or(&none);
            let mut held: BTreeMap<String, Value> = engine.entries(name).into_iter().collect();
            // Verdicts are told as what becomes of them: Suspect and Fail.
            held.retain(|key, _| Verdict::subject(key).is_none());
            if *told != held {
                return Err(format!(
                    "events of {me} tell of the keys {:?} of {name}, it holds {:?}",
                    told.keys(),
                    held.keys()
                ));
            }
        }
        Ok(())
    }
}
