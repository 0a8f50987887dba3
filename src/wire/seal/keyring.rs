//! The keys of a node: the first one seals, all of them open.
//!
//! `plain` takes the place of a key where gossip is not sealed. So a cluster
//! gets its first key as it gets the next one: add it everywhere, use it
//! everywhere, remove the old one (here: `plain`) everywhere.

use std::fmt;

use super::key::Key;

/// Entries of a ring, at most: each may have to be tried on what arrives.
pub const MAX_KEYS: usize = 8;
/// The entry for gossip that is not sealed.
pub const PLAIN: &str = "plain";

/// Why a key is not taken, used or removed. No text of a key is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is no key.
    #[error(
        "a key must be 32 bytes in base64 (44 characters, as 'npx seneca-gossip keygen' prints them)"
    )]
    NotAKey,
    /// A ring needs something to seal with.
    #[error("there must be one key at least")]
    Empty,
    /// The ring is full.
    #[error("there can be {MAX_KEYS} keys at most: remove an old one first")]
    TooMany,
    /// What was to be used or removed is not there.
    #[error("this node has no such key; it has {0}")]
    Unknown(String),
    /// What was to be removed seals.
    #[error("'{0}' is what this node seals with: use another key first, then remove it")]
    Current(String),
}

/// What a node opens gossip with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Nothing: it is not sealed.
    Plain,
    /// A key.
    Key(Key),
}

impl Entry {
    /// Reads a key, or `plain`.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        match text.trim() {
            PLAIN => Ok(Entry::Plain),
            text => Key::parse(text).map(Entry::Key),
        }
    }

    fn name(&self) -> String {
        match self {
            Entry::Plain => PLAIN.into(),
            Entry::Key(key) => key.fingerprint().to_string(),
        }
    }
}

impl From<Key> for Entry {
    fn from(key: Key) -> Self {
        Entry::Key(key)
    }
}

/// A key as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct KeyView {
    /// Eight hex digits, or `plain`.
    pub fingerprint: String,
    /// Is it what this node seals with?
    pub current: bool,
}

/// The keys of a node, never empty. By default it has `plain` alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Keyring(Vec<Entry>);

impl Default for Keyring {
    fn default() -> Self {
        Keyring(vec![Entry::Plain])
    }
}

impl From<Key> for Keyring {
    fn from(key: Key) -> Self {
        Keyring(vec![Entry::Key(key)])
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({})", self.names())
    }
}

impl Keyring {
    /// A ring of these, the first of which seals. What is given twice counts
    /// once.
    ///
    /// # Errors
    /// [`KeyError::Empty`] or [`KeyError::TooMany`].
    pub fn new(entries: impl IntoIterator<Item = Entry>) -> Result<Self, KeyError> {
        let mut ring = Keyring(Vec::new());
        for entry in entries {
            ring.add(entry)?;
        }
        match ring.0.is_empty() {
            true => Err(KeyError::Empty),
            false => Ok(ring),
        }
    }

    /// A ring of keys as texts, or `plain`.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`KeyError::NotAKey`].
    pub fn parse<S: AsRef<str>>(texts: impl IntoIterator<Item = S>) -> Result<Self, KeyError> {
        let entries = texts.into_iter().map(|text| Entry::parse(text.as_ref()));
        Keyring::new(entries.collect::<Result<Vec<_>, _>>()?)
    }

    /// Opens with this, too, from now on.
    ///
    /// # Errors
    /// [`KeyError::TooMany`].
    pub fn add(&mut self, entry: Entry) -> Result<(), KeyError> {
        if self.0.contains(&entry) {
            return Ok(());
        }
        if self.0.len() >= MAX_KEYS {
            return Err(KeyError::TooMany);
        }
        self.0.push(entry);
        Ok(())
    }

    /// Seals with one of its entries from now on, named by its fingerprint, its
    /// text, or `plain`.
    ///
    /// # Errors
    /// [`KeyError::Unknown`].
    pub fn put_first(&mut self, which: &str) -> Result<(), KeyError> {
        let at = self.find(which)?;
        let entry = self.0.remove(at);
        self.0.insert(0, entry);
        Ok(())
    }

    /// Opens with it no longer.
    ///
    /// # Errors
    /// [`KeyError::Unknown`], and [`KeyError::Current`] for the one that seals.
    pub fn remove(&mut self, which: &str) -> Result<(), KeyError> {
        match self.find(which)? {
            0 => Err(KeyError::Current(self.0[0].name())),
            at => {
                self.0.remove(at);
                Ok(())
            }
        }
    }

    fn find(&self, which: &str) -> Result<usize, KeyError> {
        let which = which.trim();
        let meant = Entry::parse(which).ok();
        let is = |entry: &Entry| meant.as_ref() == Some(entry) || entry.name() == which;
        let at = self.0.iter().position(is);
        at.ok_or_else(|| KeyError::Unknown(self.names()))
    }

    /// The key that seals; `None` where gossip goes out plain.
    pub fn current(&self) -> Option<&Key> {
        match &self.0[0] {
            Entry::Plain => None,
            Entry::Key(key) => Some(key),
        }
    }

    /// Is gossip taken that is not sealed?
    pub fn takes_plain(&self) -> bool {
        self.0.contains(&Entry::Plain)
    }

    /// Is there a key?
    pub fn has_key(&self) -> bool {
        self.keys().next().is_some()
    }

    /// Its keys, without `plain`.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.0.iter().filter_map(|entry| match entry {
            Entry::Plain => None,
            Entry::Key(key) => Some(key),
        })
    }

    /// Its entries as they may be shown, the one that seals first.
    pub fn views(&self) -> Vec<KeyView> {
        let view = |(at, entry): (usize, &Entry)| KeyView {
            fingerprint: entry.name(),
            current: at == 0,
        };
        self.0.iter().enumerate().map(view).collect()
    }

    fn names(&self) -> String {
        let names: Vec<String> = self.0.iter().map(Entry::name).collect();
        names.join(", ")
    }
}
