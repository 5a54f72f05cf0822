public import Weights
public import WireJSON

/// Reads a FEDWT001 stream (protocol.md, section 1) as it arrives and refuses it at the first byte that is wrong.
///
/// Nothing of the stream is kept but the headers and, for sparse arrays, their coordinates. Every length and count is
/// checked against the limits before anything is allocated for it.
///
/// Thread: one at a time.
public struct FEDWT001Validator: ~Copyable {
    /// Bounds on what a stream may claim.
    public typealias Limits = DecodeLimits

    /// Where an array's record holds its elements.
    public struct Body: Sendable, Hashable {
        /// Coordinates and values, not all elements.
        public var isSparse: Bool
        /// Bytes from the start of the stream.
        public var start: UInt64
        /// Elements that are there: all of a dense array.
        public var stored: Int
        /// The elements' bytes are in network order.
        public var isBigEndian = false
        /// Of a pickled sparse array, where its coordinates and values are.
        public var pickled: DecodedArray.Storage?
    }

    enum Step {
        case magic, counts, metadata
        case ndim, shape(ndim: Int), dtypeLength, dtype(length: Int), elements
        case record
        case sparseHead(index: Int), sparseCount(index: Int), coordinate(index: Int)
        case end
    }

    /// The arrays in the order of their indices; complete once the stream is.
    public internal(set) var arrays: [ArraySpec] = []
    /// Whether the elements of each are in network order.
    var areBigEndian: [Bool] = []
    /// The metadata object.
    public internal(set) var metadata: [String: JSONValue] = [:]

    /// For each array, in the order of their indices, where its elements are; complete once the stream is.
    public internal(set) var bodies: [Body] = []

    let limits: Limits
    var step = Step.magic
    var offset: UInt64 = 0
    var field: [UInt8] = []
    var needed = 8
    var skip: UInt64 = 0
    var arrayCount = 0
    var shape: [UInt64] = []
    var element = ElementType(.float32)
    var decoded: UInt64 = 0
    var seen: [Bool] = []
    var recordsLeft = 0
    var names: [String?] = []
    var lastIndex: Int?
    var sparseBytes: UInt64 = 0
    var coordinatesLeft = 0
    var coordinates = CoordinateCheck()
    /// The sparse record that is being read, where it is pickled.
    var pickle: PickledSparse?

    /// A validator at the start of a stream.
    ///
    /// - Parameter limits: what a stream may claim.
    public init(limits: Limits) { self.limits = limits }
}
