internal import Weights
internal import WireJSON

/// Finds the arrays and the metadata in what a pickle made.
///
/// Objects that are shared count as often as they are reached.
struct PickledWeights {
    /// Protocol.md, section 2.
    static let maximumDepth = 64

    let graph: PickleGraph
    let limits: DecodeLimits
    /// Where the pickle ends, for what has no place of its own.
    let end: UInt64
    private var text: DecodeBudget
    private var objects = 0
    private var inMetadata = false
    private var decoded: UInt64 = 0
    private var arrays: [DecodedArray] = []
    /// Of the array that is looked at.
    private var name: String?

    init(graph: PickleGraph, limits: DecodeLimits, end: UInt64) {
        self.graph = graph
        self.limits = limits
        self.end = end
        text = DecodeBudget(limits: limits)
    }

    /// All of it.
    mutating func weights(_ root: PickleValue) throws(WeightFailure) -> DecodedWeights {
        var metadata: [String: JSONValue] = [:]
        if case .dict = root {
            let members = try members(of: root)
            if Self.isPackage(members) {
                for (key, value) in members {
                    switch key {
                    case "weights": try addAll(value)
                    case "metadata": metadata = try object(value)
                    default: throw failure("key \(Self.shown(key)) is neither weights nor metadata", value)
                    }
                }
            } else {
                try addNamed(members)
            }
        } else {
            try addAll(root)
        }
        guard !arrays.isEmpty else {
            throw failure("the pickle holds no array; an upload has at least one", root)
        }
        takeNames(from: &metadata)
        return DecodedWeights(arrays: arrays, metadata: metadata)
    }

    /// `layer_names`, as FEDWT001 has them, name the arrays of a list or tuple.
    private mutating func takeNames(from metadata: inout [String: JSONValue]) {
        guard case .array(let names)? = metadata["layer_names"], names.count == arrays.count,
            names.allSatisfy({ $0 == .null || $0.stringValue != nil }), arrays.allSatisfy({ $0.spec.name == nil })
        else { return }
        for (index, name) in names.enumerated() { arrays[index].spec.name = name.stringValue }
        metadata["layer_names"] = nil
    }

    /// `{weights, metadata}` rather than two layers of these names.
    private static func isPackage(_ members: [(String, PickleValue)]) -> Bool {
        members.contains { key, value in
            switch (key, value) {
            case ("weights", .array), ("metadata", .array): false
            case ("weights", _), ("metadata", _): true
            default: false
            }
        }
    }

    private mutating func addAll(_ value: PickleValue) throws(WeightFailure) {
        if case .array = value { return try add(value) }
        if case .dict = value { return try addNamed(try members(of: value)) }
        guard let elements = graph.sequence(value) else {
            throw failure("weights are \(value.kind), not arrays or a list, tuple or dict of them", value)
        }
        for element in elements { try add(element) }
    }

    private mutating func addNamed(_ members: [(String, PickleValue)]) throws(WeightFailure) {
        for (name, value) in members {
            self.name = name
            guard case .array = value else { throw failure("its value is \(value.kind), not an array", value) }
            try add(value)
        }
        name = nil
    }

    private mutating func add(_ value: PickleValue) throws(WeightFailure) {
        guard case .array(let index) = value, var array = graph.arrays[Int(index)].contents else {
            throw failure("a weight is \(value.kind), not a whole array", value)
        }
        guard arrays.count < limits.arrays else {
            throw failure("there are more than \(limits.arrays) arrays", value, limit: UInt64(limits.arrays))
        }
        let size = UInt64(array.spec.byteCount)
        guard size <= limits.decodedBytes - decoded else {
            throw failure(
                "the arrays up to this one take more than \(limits.decodedBytes) bytes", value,
                limit: limits.decodedBytes)
        }
        decoded += size
        array.spec.name = name
        arrays.append(array)
    }

    /// Of a dict, in its order.
    mutating func members(of value: PickleValue) throws(WeightFailure) -> [(String, PickleValue)] {
        guard case .dict(let index) = value else { throw failure("\(value.kind) is not a dict", value) }
        let elements = graph.dicts[Int(index)].elements
        var known: Set<String> = []
        var members: [(String, PickleValue)] = []
        for place in stride(from: 0, to: elements.count, by: 2) {
            guard let key = graph.text(elements[place]) else { throw failure("a key is not a string", value) }
            try keep(key, elements[place])
            guard known.insert(key).inserted else {
                throw failure("key \(Self.shown(key)) comes twice", elements[place])
            }
            members.append((key, elements[place + 1]))
        }
        return members
    }

    private mutating func object(_ value: PickleValue) throws(WeightFailure) -> [String: JSONValue] {
        if case .none = value { return [:] }
        inMetadata = true
        defer { inMetadata = false }
        guard case .object(let members) = try json(value, depth: 2) else {
            throw failure("metadata is \(value.kind), not a dict", value)
        }
        return members
    }

    private mutating func json(_ value: PickleValue, depth: Int) throws(WeightFailure) -> JSONValue {
        objects += 1
        guard objects <= PickleMachine.maximumObjects else {
            let limit = PickleMachine.maximumObjects
            throw failure("metadata has more than \(limit) objects", value, limit: UInt64(limit))
        }
        guard depth <= Self.maximumDepth else {
            let limit = UInt64(Self.maximumDepth)
            throw failure("metadata is nested deeper than \(limit)", value, limit: limit)
        }
        switch value {
        case .none: return .null
        case .bool(let value): return .bool(value)
        case .integer(let value): return .integer(value)
        case .float(let value): return .number(value)
        case .text(let index):
            try keep(graph.texts[Int(index)].text, value)
            return .string(graph.texts[Int(index)].text)
        case .list, .tuple:
            var elements: [JSONValue] = []
            for element in graph.sequence(value) ?? [] { elements.append(try json(element, depth: depth + 1)) }
            return .array(elements)
        case .dict:
            var object: [String: JSONValue] = [:]
            for (key, value) in try members(of: value) { object[key] = try json(value, depth: depth + 1) }
            return .object(object)
        default: throw failure("metadata holds \(value.kind), which JSON cannot", value)
        }
    }

    private mutating func keep(_ string: String, _ value: PickleValue) throws(WeightFailure) {
        try text.keepText(UInt64(string.utf8.count), at: graph.offset(of: value) ?? end)
    }

    func failure(_ reason: String, _ value: PickleValue, limit: UInt64? = nil) -> WeightFailure {
        WeightFailure(
            reason, at: graph.offset(of: value) ?? end, array: inMetadata ? nil : arrays.count,
            name: inMetadata ? nil : name, limit: limit)
    }

    private static func shown(_ name: String) -> String { name.quoted }
}
