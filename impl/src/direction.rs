/// Who began a connection.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Direction {
    /// The other end: we accepted it.
    Inbound,
    /// We dialed it.
    Outbound,
}
