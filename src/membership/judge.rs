//! How verdicts become a status. Every node judges for itself, from the same
//! state, so that all come to the same end without talking about it.

use super::Status;
use crate::liveness::{Evidence, Standing};
use crate::time::Millis;
use crate::wire::NodeId;

/// A verdict that stands unrefuted for this long makes its subject doubted: a
/// live node would have heard of it and raised its incarnation by then.
const STANDING: Millis = 1_000;

/// What the judgement needs to know besides the verdicts.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Who judges.
    pub me: NodeId,
    /// How long a quorum of silence must stand unrefuted.
    pub refute: Millis,
}

/// The outcome for one subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    /// `Alive`, `Suspect` or `Dead`.
    pub status: Status,
    /// We would not count on the subject's own word about others.
    pub doubted: bool,
    /// Since when a quorum stands against it.
    pub quorum: Option<Millis>,
}

/// Judges one subject.
///
/// `observers` are those of the subject, each with whether it is doubted;
/// `against` the valid words about it; `quorum` since when there was one.
///
/// Dead is who has more than half of its observers against it. Observers that
/// we doubt ourselves do not count, neither way: when half of a cluster fails
/// at once, the failed half must not be needed for the quorum. An observer that
/// lies or is cut off cannot evict anybody, since it is one of several, and
/// what it says of an observer makes that one doubted only if a second one
/// says so too, if we saw it ourselves, or if it stays unrefuted.
pub fn judge(
    now: Millis,
    rule: &Rule,
    observers: &[(NodeId, bool)],
    against: &[(NodeId, &Standing)],
    quorum: Option<Millis>,
) -> Judgement {
    let word = |o: NodeId| against.iter().find(|(id, _)| *id == o).map(|(_, s)| *s);
    let words: Vec<(NodeId, &Standing)> = observers
        .iter()
        .filter_map(|(o, _)| word(*o).map(|s| (*o, s)))
        .collect();
    let doubted = words.len() >= 2
        || words
            .iter()
            .any(|(o, s)| *o == rule.me || now >= s.since + STANDING);

    let solid = || observers.iter().filter(|(_, doubted)| !doubted);
    let voices = solid().count();
    let accusers: Vec<&Standing> = solid().filter_map(|(o, _)| word(*o)).collect();
    let has_quorum = voices > 0 && accusers.len() * 2 > voices;
    let certain = accusers
        .iter()
        .filter(|s| s.verdict.evidence != Evidence::Silent)
        .count();
    let quorum = match has_quorum {
        true => Some(quorum.unwrap_or(now)),
        false => None,
    };
    let waited = quorum.is_some_and(|since| now >= since + rule.refute);
    let status = if has_quorum && (waited || certain * 2 > voices) {
        Status::Dead
    } else if words.is_empty() {
        Status::Alive
    } else {
        Status::Suspect
    };
    Judgement {
        status,
        doubted,
        quorum,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::liveness::Verdict;
    use crate::wire::Accusation;

    const RULE: Rule = Rule {
        me: NodeId(0),
        refute: 500,
    };

    fn standing(evidence: Evidence, since: Millis) -> Standing {
        let accused = Accusation {
            generation: 1,
            incarnation: 0,
        };
        Standing {
            verdict: Verdict { accused, evidence },
            since,
        }
    }

    /// Eight observers 0..8, `doubted` of them from the end, and words of `by`.
    fn run(
        now: Millis,
        doubted: u64,
        by: &[u64],
        e: Evidence,
        quorum: Option<Millis>,
    ) -> Judgement {
        let observers: Vec<_> = (0..8).map(|i| (NodeId(i), i >= 8 - doubted)).collect();
        let s = standing(e, now);
        let against: Vec<_> = by.iter().map(|i| (NodeId(*i), &s)).collect();
        judge(now, &RULE, &observers, &against, quorum)
    }

    #[test]
    fn half_of_the_observers_are_no_quorum() {
        let j = run(0, 0, &[1, 2, 3, 4], Evidence::Refused, None);
        assert_eq!((j.status, j.quorum), (Status::Suspect, None));
    }

    #[test]
    fn a_quorum_of_silence_waits_for_a_refutation_a_refusal_does_not() {
        let by = [1, 2, 3, 4, 5];
        let j = run(1_000, 0, &by, Evidence::Silent, None);
        assert_eq!((j.status, j.quorum), (Status::Suspect, Some(1_000)));
        let j = run(1_500, 0, &by, Evidence::Silent, j.quorum);
        assert_eq!(j.status, Status::Dead);
        assert_eq!(
            run(1_000, 0, &by, Evidence::Refused, None).status,
            Status::Dead
        );
    }

    #[test]
    fn doubted_observers_do_not_block_a_quorum() {
        let by = [1, 2, 3];
        assert_eq!(run(0, 3, &by, Evidence::Refused, None).status, Status::Dead);
        assert_eq!(
            run(0, 2, &by, Evidence::Refused, None).status,
            Status::Suspect
        );
    }

    #[test]
    fn strangers_have_no_voice() {
        let j = run(0, 0, &[10, 11, 12, 13, 14, 15], Evidence::Refused, None);
        assert_eq!((j.status, j.doubted), (Status::Alive, false));
    }

    #[test]
    fn one_fresh_word_makes_suspect_but_not_doubted() {
        let j = run(0, 0, &[3], Evidence::Refused, None);
        assert_eq!((j.status, j.doubted), (Status::Suspect, false));
        assert!(
            run(0, 0, &[0], Evidence::Silent, None).doubted,
            "our own word"
        );
        assert!(run(0, 0, &[3, 4], Evidence::Silent, None).doubted);
        let observers = [(NodeId(1), false), (NodeId(2), false), (NodeId(3), false)];
        let old = standing(Evidence::Silent, 0);
        let j = judge(STANDING, &RULE, &observers, &[(NodeId(1), &old)], None);
        assert!(j.doubted, "unrefuted for long");
    }

    #[test]
    fn with_two_nodes_one_word_is_enough() {
        let s = standing(Evidence::Refused, 0);
        let j = judge(0, &RULE, &[(NodeId(0), false)], &[(NodeId(0), &s)], None);
        assert_eq!(j.status, Status::Dead);
    }
}
