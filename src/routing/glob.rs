//! Globs as Seneca's matcher (gex) reads them: `*` is any text, `?` any one
//! character, `**` a literal `*`, `*?` a literal `?`.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Literal(char),
    One,
    Many,
}

/// A compiled glob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob {
    tokens: Vec<Token>,
}

impl Glob {
    /// Is a pattern's value a glob at all?
    pub fn is_glob(text: &str) -> bool {
        text.contains(['*', '?'])
    }

    pub fn new(text: &str) -> Self {
        let mut tokens: Vec<Token> = text
            .chars()
            .map(|c| match c {
                '*' => Token::Many,
                '?' => Token::One,
                c => Token::Literal(c),
            })
            .collect();
        // The order matters where escapes meet: gex replaces every `**` first
        // and every `*?` of what is left afterwards.
        escape(&mut tokens, Token::Many, '*');
        escape(&mut tokens, Token::One, '?');
        Glob { tokens }
    }

    /// Every character of a plain value stands for itself.
    pub fn literal(text: &str) -> Self {
        Glob {
            tokens: text.chars().map(Token::Literal).collect(),
        }
    }

    pub fn matches(&self, text: &str) -> bool {
        self.covers(&Glob::literal(text))
    }

    /// Does this glob match whatever `other` matches? Never says yes wrongly.
    pub fn covers(&self, other: &Glob) -> bool {
        let (pattern, subject) = (&self.tokens, &other.tokens);
        let (mut p, mut s) = (0, 0);
        // Where to go on when the text after the last `*` does not fit.
        let mut retry: Option<(usize, usize)> = None;
        while s < subject.len() {
            match pattern.get(p) {
                Some(Token::Many) => {
                    retry = Some((p, s));
                    p += 1;
                    continue;
                }
                Some(Token::One) if subject[s] != Token::Many => {
                    p += 1;
                    s += 1;
                    continue;
                }
                Some(Token::Literal(c)) if subject[s] == Token::Literal(*c) => {
                    p += 1;
                    s += 1;
                    continue;
                }
                _ => {}
            }
            let Some((star, from)) = retry else {
                return false;
            };
            retry = Some((star, from + 1));
            p = star + 1;
            s = from + 1;
        }
        pattern[p..].iter().all(|t| *t == Token::Many)
    }

    /// Characters that stand for themselves: the more, the more specific.
    pub fn literals(&self) -> usize {
        let literal = |t: &&Token| matches!(t, Token::Literal(_));
        self.tokens.iter().filter(literal).count()
    }
}

fn escape(tokens: &mut Vec<Token>, second: Token, literal: char) {
    let mut at = 0;
    while at + 1 < tokens.len() {
        if tokens[at] == Token::Many && tokens[at + 1] == second {
            tokens[at] = Token::Literal(literal);
            tokens.remove(at + 1);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::Glob;

    fn matches(glob: &str, text: &str) -> bool {
        Glob::new(glob).matches(text)
    }

    #[test]
    fn wildcards() {
        assert!(matches("*", ""));
        assert!(matches("*", "a\nb"));
        assert!(matches("a*c", "abbc"));
        assert!(matches("a*b*c", "axbybzc"));
        assert!(!matches("a*b*c", "axbybz"));
        assert!(matches("a?c", "abc"));
        assert!(!matches("a?c", "ac"));
        assert!(!matches("a", "ab"));
    }

    #[test]
    fn escapes() {
        assert!(matches("a**", "a*"));
        assert!(!matches("a**", "ab"));
        assert!(matches("a*?", "a?"));
        assert!(!matches("a*?", "ab"));
        assert!(matches("***", "*abc"));
        assert!(matches("**?", "*x"));
        assert!(matches("*?**", "?*"));
    }

    #[test]
    fn covering() {
        let covers = |a: &str, b: &str| Glob::new(a).covers(&Glob::new(b));
        assert!(covers("*", "a*"));
        assert!(covers("a*", "ab*"));
        assert!(covers("a?", "a?"));
        assert!(!covers("a?", "a*"));
        assert!(!covers("ab*", "a*"));
        assert!(covers("a*", "a?"));
    }

    #[test]
    fn no_exponential_time() {
        let glob = Glob::new(&"a*".repeat(200));
        assert!(!glob.matches(&"a".repeat(199)));
        assert!(!Glob::new(&("a*".repeat(100) + "b")).matches(&"a".repeat(5_000)));
    }
}
