//! Seneca's own choice of a pattern for a message.
//!
//! The rule of patrun, which is not 'the most conditions win': keys are tried
//! in alphabetical order, and the first key that a message meets is followed
//! (`a:1` beats `b:1,c:1` for a message with all three). Along a path the
//! longest pattern wins. A key that leads nowhere is skipped, but only as long
//! as nothing has matched yet. A value that is named exactly hides the globs
//! for the same key.
//!
//! In one process patrun tries the globs of a key in the order of their
//! registration. Patterns of a cluster have no such order, so that here the
//! one with more literal characters comes first: every node decides alike.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::glob::Glob;
use super::pattern::Pattern;
use crate::text::{js_order, js_string};

/// Patterns, each with a value.
#[derive(Debug, Clone)]
pub struct Tree<T> {
    top: Node<T>,
}

/// What comes behind a sequence of conditions.
#[derive(Debug, Clone)]
struct Node<T> {
    data: Option<T>,
    /// In JavaScript's order of keys.
    levels: Vec<Level<T>>,
}

#[derive(Debug, Clone)]
struct Level<T> {
    key: String,
    exact: HashMap<String, Node<T>>,
    globs: Vec<Branch<T>>,
}

#[derive(Debug, Clone)]
struct Branch<T> {
    text: String,
    glob: Glob,
    node: Node<T>,
}

impl<T> Default for Tree<T> {
    fn default() -> Self {
        Tree { top: Node::new() }
    }
}

impl<T> Tree<T> {
    /// Adds a pattern, or gives it another value.
    pub fn insert(&mut self, pattern: &Pattern, data: T) {
        let mut node = &mut self.top;
        for (key, value) in pattern.pairs() {
            node = node.level(key).branch(value);
        }
        node.data = Some(data);
    }

    /// Removes a pattern, and every trace of it.
    pub fn remove(&mut self, pattern: &Pattern) -> Option<T> {
        let pairs: Vec<_> = pattern.pairs().collect();
        self.top.remove(&pairs)
    }

    /// The value of the pattern that Seneca would choose.
    pub fn find(&self, msg: &Map<String, Value>) -> Option<&T> {
        let mut found = self.top.data.as_ref();
        let mut skipped: Vec<(&Node<T>, usize)> = Vec::new();
        let mut at = Some((&self.top, 0));
        while let Some((node, index)) = at {
            at = node.levels.get(index).map(|level| match level.follow(msg) {
                Some(next) => {
                    if index + 1 < node.levels.len() {
                        skipped.push((node, index + 1));
                    }
                    found = next.data.as_ref().or(found);
                    (next, 0)
                }
                None => (node, index + 1),
            });
            if at.is_none() && found.is_none() {
                at = skipped.pop();
            }
        }
        found
    }
}

impl<T> Node<T> {
    fn new() -> Self {
        Node {
            data: None,
            levels: Vec::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.data.is_none() && self.levels.is_empty()
    }

    fn level(&mut self, key: &str) -> &mut Level<T> {
        let at = match self.levels.binary_search_by(|l| js_order(&l.key, key)) {
            Ok(at) => at,
            Err(at) => {
                let level = Level {
                    key: key.to_string(),
                    exact: HashMap::new(),
                    globs: Vec::new(),
                };
                self.levels.insert(at, level);
                at
            }
        };
        &mut self.levels[at]
    }

    fn remove(&mut self, pairs: &[(&str, &str)]) -> Option<T> {
        let Some(((key, value), rest)) = pairs.split_first() else {
            return self.data.take();
        };
        let at = self
            .levels
            .binary_search_by(|l| js_order(&l.key, key))
            .ok()?;
        let level = &mut self.levels[at];
        let data = if Glob::is_glob(value) {
            let branch = level.globs.iter().position(|b| b.text == *value)?;
            let data = level.globs[branch].node.remove(rest);
            if level.globs[branch].node.is_empty() {
                level.globs.remove(branch);
            }
            data
        } else {
            let node = level.exact.get_mut(*value)?;
            let data = node.remove(rest);
            if node.is_empty() {
                level.exact.remove(*value);
            }
            data
        };
        if level.exact.is_empty() && level.globs.is_empty() {
            self.levels.remove(at);
        }
        data
    }
}

impl<T> Level<T> {
    fn branch(&mut self, value: &str) -> &mut Node<T> {
        if !Glob::is_glob(value) {
            return self
                .exact
                .entry(value.to_string())
                .or_insert_with(Node::new);
        }
        let glob = Glob::new(value);
        let order = |b: &Branch<T>| {
            let specific = glob.literals().cmp(&b.glob.literals());
            specific.then_with(|| js_order(&b.text, value))
        };
        let at = match self.globs.binary_search_by(order) {
            Ok(at) => at,
            Err(at) => {
                let branch = Branch {
                    text: value.to_string(),
                    glob,
                    node: Node::new(),
                };
                self.globs.insert(at, branch);
                at
            }
        };
        &mut self.globs[at].node
    }

    fn follow(&self, msg: &Map<String, Value>) -> Option<&Node<T>> {
        let value = msg.get(&self.key);
        // A missing value reads 'undefined' in patrun as well.
        let text = value.map_or("undefined".into(), js_string);
        if let Some(node) = self.exact.get(&*text) {
            return Some(node);
        }
        let value = value.filter(|v| !v.is_null())?;
        // gex answers with a list or object for those, never with 'no'.
        let structure = value.is_array() || value.is_object();
        let hit = |b: &&Branch<T>| structure || b.glob.matches(&text);
        self.globs.iter().find(hit).map(|b| &b.node)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    fn tree(patterns: &[&str]) -> Tree<String> {
        let mut tree = Tree::default();
        for text in patterns {
            tree.insert(&Pattern::parse(text).unwrap(), text.to_string());
        }
        tree
    }

    fn find(tree: &Tree<String>, msg: Value) -> Option<String> {
        tree.find(msg.as_object().unwrap()).cloned()
    }

    #[derive(Deserialize)]
    struct Vector {
        patterns: Vec<Map<String, Value>>,
        cases: Vec<(Value, Option<usize>)>,
    }

    /// The file is made by `tests/data/patrun.js` with patrun itself.
    #[test]
    fn agrees_with_patrun() {
        let text = include_str!("../../tests/data/patrun.json");
        let vectors: Vec<Vector> = serde_json::from_str(text).unwrap();
        let mut cases = 0;
        for vector in &vectors {
            let mut tree = Tree::default();
            for (index, object) in vector.patterns.iter().enumerate() {
                tree.insert(&Pattern::from_object(object).unwrap(), index);
            }
            for (msg, expected) in &vector.cases {
                let found = tree.find(msg.as_object().unwrap()).copied();
                assert_eq!(found, *expected, "{msg} in {:?}", vector.patterns);
                cases += 1;
            }
        }
        assert!(cases > 1_000, "only {cases} cases");
    }

    #[test]
    fn alphabet_beats_number_of_conditions() {
        let tree = tree(&["a:1", "b:1,c:1"]);
        let msg = json!({ "a": 1, "b": 1, "c": 1 });
        assert_eq!(find(&tree, msg).as_deref(), Some("a:1"));
    }

    #[test]
    fn removal_leaves_no_trace() {
        let mut tree = tree(&["a:1", "a:1,b:1", "a:1,c:1", "a:x*", "a:x*,d:1"]);
        let msg = json!({ "a": 1, "b": 1, "c": 1 });
        assert_eq!(find(&tree, msg.clone()).as_deref(), Some("a:1,b:1"));
        tree.remove(&Pattern::parse("a:1,b:1").unwrap());
        // patrun's own remove leaves a node behind that hides this one.
        assert_eq!(find(&tree, msg).as_deref(), Some("a:1,c:1"));
        for text in ["a:1", "a:1,c:1", "a:x*", "a:x*,d:1"] {
            let pattern = Pattern::parse(text).unwrap();
            assert_eq!(tree.remove(&pattern).as_deref(), Some(text));
            assert_eq!(tree.remove(&pattern), None);
        }
        assert!(tree.top.is_empty());
    }
}
