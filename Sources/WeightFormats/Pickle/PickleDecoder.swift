internal import Weights
internal import WireJSON

/// Decodes a pickle of arrays (protocol.md, section 2): a list, tuple or dict of them, one alone, or
/// `{"weights": …, "metadata": …}`.
///
/// Thread: one at a time.
public final class PickleDecoder: WeightDecoder {
    private static let deepest = 64
    private static let mostObjects = 1_000_000

    private let limits: DecodeLimits
    private var machine: PickleMachine
    private var objects = 0

    /// A decoder at the start of a body.
    ///
    /// - Parameter limits: what a body may claim.
    public init(limits: DecodeLimits) {
        self.limits = limits
        machine = PickleMachine(limits: limits)
    }

    deinit { machine.dissolve() }

    /// Takes the next bytes of the body.
    public func feed(_ piece: UnsafeRawBufferPointer, to sink: any ElementSink) throws {
        try machine.feed(piece, to: sink)
    }

    /// Ends the body.
    public func finish(to sink: any ElementSink) throws -> DecodedWeights {
        let value = try machine.finish()
        var weights = DecodedWeights(arrays: [], metadata: [:])
        if case .dictionary(let whole) = value, let inner = whole.values["weights"], isPair(whole, inner) {
            weights.arrays = try arrays(inner)
            if let metadata = whole.values["metadata"], case .object(let members) = try json(metadata, depth: 0) {
                weights.metadata = members
            }
        } else {
            weights.arrays = try arrays(value)
        }
        guard !weights.arrays.isEmpty else {
            throw machine.failure("there is no array in it; an upload has at least one")
        }
        return weights
    }

    /// Whether it is `{"weights": …, "metadata": …}` rather than arrays of those names.
    private func isPair(_ whole: PickleDictionary, _ inner: PickleValue) -> Bool {
        if case .dictionary? = whole.values["metadata"] { return whole.keys.count == 2 }
        if case .array = inner { return false }
        return whole.keys.count == 1
    }

    private func arrays(_ value: PickleValue) throws(WeightFailure) -> [DecodedArray] {
        var found: [DecodedArray] = []
        var total: UInt64 = 0
        func add(_ name: String?, _ value: PickleValue) throws(WeightFailure) {
            guard found.count < limits.arrays else {
                throw WeightFailure(
                    "there are more than \(limits.arrays) arrays", at: machine.offset, array: found.count,
                    limit: UInt64(limits.arrays))
            }
            let array = try self.array(value, name, found.count)
            let (sum, overflow) = total.addingReportingOverflow(UInt64(array.spec.byteCount))
            guard !overflow, sum <= limits.decodedBytes else {
                throw WeightFailure(
                    "the arrays up to this one take more than \(limits.decodedBytes) bytes", at: machine.offset,
                    array: found.count, limit: limits.decodedBytes)
            }
            total = sum
            found.append(array)
        }
        switch value {
        case .array: try add(nil, value)
        case .list(let list): for element in list.elements { try add(nil, element) }
        case .tuple(let tuple): for element in tuple.elements { try add(nil, element) }
        case .dictionary(let dictionary):
            for key in dictionary.keys { if let value = dictionary.values[key] { try add(key, value) } }
        default: throw machine.failure("it holds \(value.kind), not arrays")
        }
        return found
    }

    private func array(_ value: PickleValue, _ name: String?, _ index: Int) throws(WeightFailure) -> DecodedArray {
        func failure(_ reason: String) -> WeightFailure {
            WeightFailure("pickle: \(reason)", at: machine.offset, array: index)
        }
        guard case .array(let array) = value, let contents = array.contents else {
            throw failure("array \(index) is \(value.kind)")
        }
        let dtype = contents.dtype.dtype
        guard let spec = ArraySpec(name: name, dtype: dtype, shape: contents.shape) else {
            throw failure("shape \(contents.shape) overflows")
        }
        guard contents.bytes.count == spec.byteCount else {
            throw failure(
                "\(contents.bytes.count) bytes, but shape \(spec.shape) of \(dtype.rawValue) takes \(spec.byteCount)")
        }
        return DecodedArray(
            spec: spec,
            storage: .dense(bytes: contents.bytes, axes: contents.axes, bigEndian: contents.dtype.isBigEndian))
    }

    private func json(_ value: PickleValue, depth: Int) throws(WeightFailure) -> JSONValue {
        objects += 1
        guard depth <= Self.deepest, objects <= Self.mostObjects else {
            throw machine.failure(
                "metadata is nested deeper than \(Self.deepest), or has over \(Self.mostObjects) objects")
        }
        switch value {
        case .none: return .null
        case .bool(let flag): return .bool(flag)
        case .integer(let number): return .integer(number)
        case .float(let number):
            guard number.isFinite else { throw machine.failure("metadata holds \(number), which JSON cannot") }
            return .number(number)
        case .text: return .string(try machine.kept(value))
        case .tuple(let tuple): return .array(try json(tuple.elements, depth))
        case .list(let list): return .array(try json(list.elements, depth))
        case .dictionary(let dictionary):
            var members: [String: JSONValue] = [:]
            for key in dictionary.keys {
                if let value = dictionary.values[key] { members[key] = try json(value, depth: depth + 1) }
            }
            return .object(members)
        case .bytes, .global, .dtype, .array: throw machine.failure("metadata holds \(value.kind)")
        }
    }

    private func json(_ elements: [PickleValue], _ depth: Int) throws(WeightFailure) -> [JSONValue] {
        var values: [JSONValue] = []
        for element in elements { values.append(try json(element, depth: depth + 1)) }
        return values
    }
}
