/// Who began a connection.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Direction {
    /// The other end: we accepted it.
    Inbound,
    /// We dialed it.
    Outbound,
}
