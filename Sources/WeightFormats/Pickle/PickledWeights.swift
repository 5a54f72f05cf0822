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
    private var names = ArrayNames()
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
            let entries = try entries(of: root)
            if Self.isPackage(entries) {
                for (key, value) in try distinct(entries) {
                    switch key {
                    case "weights": try addAll(value)
                    case "metadata": metadata = try object(value)
                    default: throw failure("key \(key.quoted) is neither weights nor metadata", value)
                    }
                }
            } else {
                try addNamed(entries)
            }
        } else {
            try addAll(root)
        }
        guard !arrays.isEmpty else {
            throw failure("the pickle holds no array; an upload has at least one", root)
        }
        try takeNames(from: &metadata)
        return DecodedWeights(arrays: arrays, metadata: metadata)
    }

    /// `layer_names`, as FEDWT001 has them, name the arrays of a list or tuple.
    private mutating func takeNames(from metadata: inout [String: JSONValue]) throws(WeightFailure) {
        guard case .array(let names)? = metadata["layer_names"], names.count == arrays.count,
            names.allSatisfy({ $0 == .null || $0.stringValue != nil }), arrays.allSatisfy({ $0.spec.name == nil })
        else { return }
        for (index, name) in names.enumerated() {
            guard let name = name.stringValue else { continue }
            let texts = graph.texts
            try self.names.take(name, at: texts.last { $0.text == name }?.offset ?? end, array: index)
            arrays[index].spec.name = name
        }
        metadata["layer_names"] = nil
    }

    /// `{weights, metadata}` rather than two layers of these names.
    private static func isPackage(_ entries: [Entry]) -> Bool {
        entries.contains { entry in
            switch (entry.key, entry.value) {
            case ("weights", .array), ("metadata", .array): false
            case ("weights", _), ("metadata", _): true
            default: false
            }
        }
    }

    private mutating func addAll(_ value: PickleValue) throws(WeightFailure) {
        if case .array = value { return try add(value) }
        if case .dict = value { return try addNamed(try entries(of: value)) }
        guard let elements = graph.sequence(value) else {
            throw failure("weights are \(value.kind), not arrays or a list, tuple or dict of them", value)
        }
        for element in elements { try add(element) }
    }

    private mutating func addNamed(_ entries: [Entry]) throws(WeightFailure) {
        for entry in entries {
            name = entry.key
            try names.take(entry.key, at: entry.offset, array: arrays.count)
            guard case .array = entry.value else {
                throw failure("its value is \(entry.value.kind), not an array", entry.value)
            }
            try add(entry.value)
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

    private struct Entry {
        let key: String
        /// Of the key.
        let offset: UInt64
        let value: PickleValue
    }

    /// Of a dict, in its order; a key may be there twice.
    private mutating func entries(of value: PickleValue) throws(WeightFailure) -> [Entry] {
        guard case .dict(let index) = value else { throw failure("\(value.kind) is not a dict", value) }
        let elements = graph.dicts[Int(index)].elements
        var entries: [Entry] = []
        for place in stride(from: 0, to: elements.count, by: 2) {
            guard let key = graph.text(elements[place]) else { throw failure("a key is not a string", value) }
            try keep(key, elements[place])
            entries.append(
                Entry(key: key, offset: graph.offset(of: elements[place]) ?? end, value: elements[place + 1]))
        }
        return entries
    }

    private func distinct(_ entries: [Entry]) throws(WeightFailure) -> [(String, PickleValue)] {
        var known: Set<String> = []
        for entry in entries {
            guard known.insert(entry.key).inserted else {
                throw WeightFailure("key \(entry.key.quoted) comes twice", at: entry.offset)
            }
        }
        return entries.map { ($0.key, $0.value) }
    }

    /// Of a dict, in its order, each key once.
    mutating func members(of value: PickleValue) throws(WeightFailure) -> [(String, PickleValue)] {
        try distinct(try entries(of: value))
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
}
