//! What a manager knows about the memory of its connections, which it names by a `Token`.

pub struct Memory<Token> {
    /// Bytes that connections hold.
    pub held: usize,
    /// Bytes that a starved connection wants, because no room was made.
    pub wanted: usize,
    /// Since when there is no room; 0: there is.
    pub since: u64,
    /// When no room was made: the next request is not before this time.
    pub again: u64,
    /// Starved connections.
    pub starved: Vec<Token>,
}

impl<Token> Default for Memory<Token> {
    fn default() -> Self {
        Self { held: 0, wanted: 0, since: 0, again: 0, starved: Vec::new() }
    }
}
