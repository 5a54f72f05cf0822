/// What a `PlaneFilter` hands over: consecutive bytes of the filtered stream.
public enum PlanePiece {
    /// Bytes that the filter left as they were.
    case passed(UnsafeRawBufferPointer)
    /// One whole plane of a block, the index-th from the top of an element's, for elements of a kind.
    case plane(UnsafeRawBufferPointer, index: Int, kind: ItemKind)

    /// The bytes, valid while the sink runs that got the piece.
    public var bytes: UnsafeRawBufferPointer {
        switch self {
        case .passed(let bytes), .plane(let bytes, _, _): bytes
        }
    }
}
