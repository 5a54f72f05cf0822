public import Weights
public import WireJSON

/// Reads one format as its bytes arrive, and refuses it at the first byte that is wrong.
///
/// The elements of the arrays are not kept: they go to a sink in the order in which they arrive, which may be before
/// their type and shape are known (a pickle's buffer). What the sink got is made sense of by the `DecodedArray`s that
/// come with the end. So a gateway that only checks gives a sink that drops, an aggregator one that writes a file,
/// and neither holds more than headers, whatever the size.
///
/// Thread: one at a time.
public protocol WeightDecoder: AnyObject {
    /// Takes the next bytes of the body, in pieces of any length.
    ///
    /// - Throws: `WeightFailure` with the offset of the field that is wrong, and what the sink throws.
    func feed(_ piece: UnsafeRawBufferPointer, to sink: any ElementSink) throws

    /// Ends the body.
    ///
    /// - Returns: all arrays with where the sink got their elements.
    /// - Throws: `WeightFailure` when the body is incomplete, and what the sink throws.
    func finish(to sink: any ElementSink) throws -> DecodedWeights

    /// Bytes that it keeps beside names and metadata, about.
    var memory: Int { get }

    /// The name of an array, where it has come and there is one.
    ///
    /// - Parameter index: of the array, as a `WeightFailure` has it.
    func name(ofArray index: Int) -> String?
}

extension WeightDecoder {
    /// Next to none.
    public var memory: Int { 0 }

    /// Of a format without names.
    public func name(ofArray index: Int) -> String? { nil }

    /// What this decoder has thrown, with the array's name.
    ///
    /// A name may come before or behind what is wrong; so it is looked up here, once something is, and nowhere else.
    public func named(_ error: any Error) -> any Error { WeightFailure.naming(error, by: name(ofArray:)) }
}

/// Takes the elements of arrays as one stream of bytes.
public protocol ElementSink: AnyObject {
    /// Takes the next bytes; they are valid only during the call.
    func append(_ bytes: UnsafeRawBufferPointer) throws
}

/// For those who only want to know whether a body is right.
public final class DroppingSink: ElementSink {
    /// A sink that keeps nothing.
    public init() {}

    /// Drops them.
    public func append(_ bytes: UnsafeRawBufferPointer) {}
}

/// A weight set whose elements lie elsewhere.
public struct DecodedWeights: Sendable {
    /// In the order of the format.
    public var arrays: [DecodedArray]
    /// The client's metadata, without what the arrays bear themselves (such as `layer_names`).
    public var metadata: [String: JSONValue]

    /// A weight set.
    ///
    /// - Parameters:
    ///   - arrays: in the order of the format.
    ///   - metadata: the client's.
    public init(arrays: [DecodedArray], metadata: [String: JSONValue]) {
        self.arrays = arrays
        self.metadata = metadata
    }

    /// What an encoder of these arrays has thrown, with the array's name.
    public func named(_ error: any Error) -> any Error {
        WeightFailure.naming(error) { arrays.indices.contains($0) ? arrays[$0].spec.name : nil }
    }
}

/// One array, and where in the sink's stream its elements are.
public struct DecodedArray: Sendable, Hashable {
    /// How the elements lie there.
    public enum Storage: Sendable, Hashable {
        /// All elements.
        ///
        /// - Parameters:
        ///   - bytes: in the sink's stream; as many as `spec.byteCount`.
        ///   - axes: the axes of the shape in the order of memory, slowest first; nil for C order. Fortran order of
        ///     two dimensions is `[1, 0]`.
        ///   - bigEndian: each element's bytes are in network order.
        case dense(bytes: Range<Int>, axes: [Int]?, bigEndian: Bool)
        /// The elements that are not zero.
        ///
        /// - Parameters:
        ///   - count: of stored elements.
        ///   - coordinates: one range a dimension, each of `count` little-endian unsigned integers.
        ///   - coordinateSize: bytes of one coordinate, 4 or 8.
        ///   - values: as many elements as there are coordinates.
        ///   - bigEndian: of the values.
        case sparse(count: Int, coordinates: [Range<Int>], coordinateSize: Int, values: Range<Int>, bigEndian: Bool)
    }

    /// Name, type and shape as they will be after normalising.
    public var spec: ArraySpec
    /// Where the elements are.
    public var storage: Storage

    /// An array.
    ///
    /// - Parameters:
    ///   - spec: name, type and shape.
    ///   - storage: where the elements are.
    public init(spec: ArraySpec, storage: Storage) {
        self.spec = spec
        self.storage = storage
    }
}
