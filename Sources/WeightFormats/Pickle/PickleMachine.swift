internal import Weights

/// A closed interpreter of pickles, protocols 2 to 5 (protocol.md, section 2): the opcodes and constructions that arrays,
/// dictionaries, lists, tuples, strings, bytes and numbers need, and nothing else.
///
/// Bytes go to the sink as they come; strings longer than `longestText` too, as Latin-1, since protocol 2 writes an array's
/// bytes so. Objects, memo, stack and kept text are bounded.
///
/// Thread: one at a time.
struct PickleMachine {
    private enum Step {
        case opcode
        /// A fixed argument, or a length.
        case argument(UInt8)
        case line(UInt8, first: [UInt8]?)
        case text(Int)
        case number(Int)
        case bytes(left: UInt64, start: Int)
        case longText(left: UInt64, start: Int)
        case done
    }

    static let longestText = 4096
    private static let mostObjects = 1_000_000
    private static let longestName = 128

    private(set) var budget: DecodeBudget
    private var step = Step.opcode
    private var field = FieldGatherer(1)
    /// Of the next byte, and of the opcode that is at work.
    private(set) var offset: UInt64 = 0
    private var opcodeOffset: UInt64 = 0
    private var hasBegun = false
    private var stack: [PickleValue] = []
    private var marks: [Int] = []
    private var memo: [UInt32: PickleValue] = [:]
    private var objects = 0
    private var textBytes = 0
    /// The lead byte of a character whose second byte has not come.
    private var lead: UInt8?
    private(set) var result: PickleValue?
    /// All that can hold others, so that neither a circle nor a long chain of them outlives the pickle.
    private var lists: [PickleList] = []
    private var dictionaries: [PickleDictionary] = []

    /// Bytes are not given to the sink, and their places are those in the body that the pickle is a part of.
    private let isInPlace: Bool

    init(limits: DecodeLimits) {
        budget = DecodeBudget(limits: limits)
        isInPlace = false
    }

    /// For a pickle within a body.
    ///
    /// - Parameter start: of the pickle in the body.
    init(limits: DecodeLimits, inPlaceAt start: UInt64) {
        budget = DecodeBudget(limits: limits)
        isInPlace = true
        offset = start
    }

    /// Where the bytes that come next will be found.
    var place: Int { isInPlace ? Int(clamping: offset) : budget.position }

    mutating func feed(_ piece: UnsafeRawBufferPointer, to sink: any ElementSink) throws {
        var rest = piece
        while !rest.isEmpty {
            switch step {
            case .bytes(let left, let start): try readBytes(&rest, left, start, to: sink)
            case .longText(let left, let start): try readLongText(&rest, left, start, to: sink)
            case .line(let opcode, let first): try readLine(&rest, opcode, first)
            case .done: throw failure("bytes left over behind the pickle", at: offset)
            default:
                let before = rest.count
                let isWhole = field.take(&rest)
                offset += UInt64(before - rest.count)
                if isWhole { try complete(sink) }
            }
        }
    }

    func finish() throws(WeightFailure) -> PickleValue {
        guard case .done = step, let result else {
            throw failure("the body ends here, in the middle of the pickle", at: offset)
        }
        return result
    }

    func failure(_ reason: String, at offset: UInt64? = nil) -> WeightFailure {
        WeightFailure("pickle: \(reason)", at: offset ?? opcodeOffset)
    }

    // MARK: Arguments

    private mutating func complete(_ sink: any ElementSink) throws {
        switch step {
        case .opcode: try begin(field.bytes[0], sink)
        case .argument(let opcode): try argument(opcode, sink)
        case .text(let count):
            guard let text = String(validating: field.bytes.prefix(count), as: UTF8.self) else {
                throw failure("a string is not UTF-8")
            }
            try push(.text(PickleText(.kept(text))))
            next()
        case .number(let count):
            try push(.integer(try Self.integer(field.bytes.prefix(count)) ?? tooLarge()))
            next()
        default: break
        }
    }

    private func tooLarge() throws(WeightFailure) -> Int64 { throw failure("an int has more than 64 bits") }

    private static func integer(_ bytes: ArraySlice<UInt8>) throws(WeightFailure) -> Int64? {
        guard bytes.count <= 8 else { return nil }
        let sign: UInt64 = bytes.last.map { $0 & 0x80 != 0 } == true ? .max : 0
        return Int64(bitPattern: bytes.reversed().reduce(sign) { $0 << 8 | UInt64($1) })
    }

    private mutating func next() {
        step = .opcode
        field.next(1)
    }

    private mutating func want(_ step: Step, _ count: Int, _ sink: any ElementSink) throws {
        self.step = step
        field.next(count)
        if count == 0 { try complete(sink) }
    }

    private static let argumentSizes: [UInt8: Int] = [
        0x80: 1, 0x95: 8, 0x4a: 4, 0x4b: 1, 0x4d: 2, 0x8a: 1, 0x47: 8, 0x58: 4, 0x8c: 1, 0x8d: 8, 0x42: 4, 0x43: 1,
        0x8e: 8, 0x96: 8, 0x71: 1, 0x72: 4, 0x68: 1, 0x6a: 4,
    ]

    private mutating func begin(_ opcode: UInt8, _ sink: any ElementSink) throws {
        opcodeOffset = offset - 1
        if !hasBegun {
            guard opcode == 0x80 else { throw failure("it does not begin with a protocol") }
            hasBegun = true
        }
        if let size = Self.argumentSizes[opcode] { return try want(.argument(opcode), size, sink) }
        if opcode == UInt8(ascii: "c") {
            step = .line(opcode, first: nil)
            return field.next(0)
        }
        next()
        try execute(opcode, sink)
    }

    private mutating func argument(_ opcode: UInt8, _ sink: any ElementSink) throws {
        switch opcode {
        case 0x80:
            let version = field.bytes[0]
            guard (2...5).contains(version) else { throw failure("protocol \(version) is not 2, 3, 4 or 5") }
            next()
        case 0x95: next()
        case 0x4a: try pushNext(.integer(Int64(Int32(bitPattern: field.integer(UInt32.self, at: 0)))))
        case 0x4b: try pushNext(.integer(Int64(field.bytes[0])))
        case 0x4d: try pushNext(.integer(Int64(field.integer(UInt16.self, at: 0))))
        case 0x8a: try want(.number(Int(field.bytes[0])), Int(field.bytes[0]), sink)
        case 0x47:
            let bits = field.bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            try pushNext(.float(Double(bitPattern: bits)))
        case 0x58: try beginText(UInt64(field.integer(UInt32.self, at: 0)), sink)
        case 0x8c: try beginText(UInt64(field.bytes[0]), sink)
        case 0x8d: try beginText(field.integer(UInt64.self, at: 0), sink)
        case 0x42: try beginBytes(UInt64(field.integer(UInt32.self, at: 0)))
        case 0x43: try beginBytes(UInt64(field.bytes[0]))
        case 0x8e, 0x96: try beginBytes(field.integer(UInt64.self, at: 0))
        case 0x71: try memoize(UInt32(field.bytes[0]))
        case 0x72: try memoize(field.integer(UInt32.self, at: 0))
        case 0x68: try recall(UInt32(field.bytes[0]))
        default: try recall(field.integer(UInt32.self, at: 0))
        }
    }

    private mutating func pushNext(_ value: PickleValue) throws(WeightFailure) {
        try push(value)
        next()
    }

    private mutating func beginText(_ count: UInt64, _ sink: any ElementSink) throws {
        guard count > UInt64(Self.longestText) else {
            textBytes += Int(count)
            let limit = budget.limits.metadataBytes
            guard textBytes <= limit else {
                throw WeightFailure(
                    "pickle: strings take more than \(limit) bytes", at: opcodeOffset, limit: UInt64(limit))
            }
            return try want(.text(Int(count)), Int(count), sink)
        }
        guard !isInPlace else {
            throw failure("a string of more than \(Self.longestText) bytes; write protocol 3 or later")
        }
        // A character of Latin-1 has at most two bytes.
        try budget.admit(count / 2, at: opcodeOffset, array: 0)
        step = .longText(left: count, start: budget.position)
    }

    private mutating func beginBytes(_ count: UInt64) throws(WeightFailure) {
        try budget.admit(count, at: opcodeOffset, array: 0)
        guard count > 0 else { return try pushNext(.bytes(place..<place)) }
        step = .bytes(left: count, start: place)
    }

    private mutating func readBytes(
        _ rest: inout UnsafeRawBufferPointer, _ left: UInt64, _ start: Int, to sink: any ElementSink
    ) throws {
        let piece = UnsafeRawBufferPointer(rebasing: rest[..<Int(min(left, UInt64(rest.count)))])
        rest = UnsafeRawBufferPointer(rebasing: rest[piece.count...])
        if !isInPlace { try budget.append(piece, to: sink, at: offset, array: 0) }
        offset += UInt64(piece.count)
        guard left == UInt64(piece.count) else { return step = .bytes(left: left - UInt64(piece.count), start: start) }
        try pushNext(.bytes(start..<place))
    }

    /// From UTF-8 to Latin-1.
    private mutating func readLongText(
        _ rest: inout UnsafeRawBufferPointer, _ left: UInt64, _ start: Int, to sink: any ElementSink
    ) throws {
        let piece = rest[..<Int(min(left, UInt64(rest.count), 32 << 10))]
        rest = UnsafeRawBufferPointer(rebasing: rest[piece.count...])
        var latin: [UInt8] = []
        latin.reserveCapacity(piece.count)
        for byte in piece {
            if let begun = lead {
                guard byte & 0xc0 == 0x80 else { throw failure("a string is not UTF-8") }
                latin.append(begun << 6 | byte & 0x3f)
                lead = nil
            } else if byte < 0x80 {
                latin.append(byte)
            } else {
                guard byte == 0xc2 || byte == 0xc3 else {
                    throw failure("a string of more than \(Self.longestText) bytes is not the bytes of an array")
                }
                lead = byte
            }
        }
        try latin.withUnsafeBytes { try budget.append($0, to: sink, at: offset, array: 0) }
        offset += UInt64(piece.count)
        guard left == UInt64(piece.count) else {
            return step = .longText(left: left - UInt64(piece.count), start: start)
        }
        guard lead == nil else { throw failure("a string is not UTF-8") }
        try pushNext(.text(PickleText(.parked(start..<budget.position))))
    }

    private mutating func readLine(_ rest: inout UnsafeRawBufferPointer, _ opcode: UInt8, _ first: [UInt8]?) throws {
        while let byte = rest.first {
            rest = UnsafeRawBufferPointer(rebasing: rest[1...])
            offset += 1
            guard byte == UInt8(ascii: "\n") else {
                guard line.count < Self.longestName else { throw failure("a global's name is too long") }
                line.append(byte)
                continue
            }
            let whole = line
            line.removeAll()
            guard let first else { return step = .line(opcode, first: whole) }
            let module = String(decoding: first, as: UTF8.self)
            return try pushNext(try global(module, String(decoding: whole, as: UTF8.self)))
        }
    }

    private var line: [UInt8] = []

    // MARK: Stack and memo

    private mutating func pushTuple(_ elements: [PickleValue]) throws(WeightFailure) {
        let tuple = PickleList(elements)
        lists.append(tuple)
        try push(.tuple(tuple))
    }

    mutating func newDictionary() -> PickleDictionary {
        let dictionary = PickleDictionary()
        dictionaries.append(dictionary)
        return dictionary
    }

    /// Takes all objects apart, one by one; nothing that was built is of use any more.
    mutating func dissolve() {
        for list in lists { list.elements = [] }
        for dictionary in dictionaries { dictionary.clear() }
    }

    mutating func push(_ value: PickleValue) throws(WeightFailure) {
        objects += 1
        guard objects <= Self.mostObjects else {
            throw WeightFailure(
                "pickle: more than \(Self.mostObjects) objects", at: opcodeOffset, limit: UInt64(Self.mostObjects))
        }
        stack.append(value)
    }

    private mutating func pop() throws(WeightFailure) -> PickleValue {
        guard stack.count > (marks.last ?? 0), let top = stack.popLast() else { throw failure("the stack is empty") }
        return top
    }

    private mutating func popMark() throws(WeightFailure) -> [PickleValue] {
        guard let mark = marks.popLast() else { throw failure("there is no mark") }
        defer { stack.removeSubrange(mark...) }
        return Array(stack[mark...])
    }

    private func top() throws(WeightFailure) -> PickleValue {
        guard stack.count > (marks.last ?? 0), let top = stack.last else { throw failure("the stack is empty") }
        return top
    }

    private mutating func memoize(_ key: UInt32) throws(WeightFailure) {
        memo[key] = try top()
        next()
    }

    private mutating func recall(_ key: UInt32) throws(WeightFailure) {
        guard let value = memo[key] else { throw failure("memo \(key) was never set") }
        try pushNext(value)
    }

    // MARK: Opcodes without arguments

    private mutating func execute(_ opcode: UInt8, _ sink: any ElementSink) throws {
        switch opcode {
        case UInt8(ascii: "("):
            guard marks.count < Self.mostObjects else { throw failure("too many marks") }
            marks.append(stack.count)
        case UInt8(ascii: "."):
            let value = try pop()
            guard stack.isEmpty, marks.isEmpty else { throw failure("it ends with more than one object") }
            result = value
            step = .done
        case UInt8(ascii: "0"): _ = try pop()
        case UInt8(ascii: "1"): _ = try popMark()
        case UInt8(ascii: "N"): try push(.none)
        case 0x88: try push(.bool(true))
        case 0x89: try push(.bool(false))
        case UInt8(ascii: "]"):
            let list = PickleList()
            lists.append(list)
            try push(.list(list))
        case UInt8(ascii: "}"): try push(.dictionary(newDictionary()))
        case UInt8(ascii: ")"): try pushTuple([])
        case UInt8(ascii: "t"): try pushTuple(try popMark())
        case 0x85, 0x86, 0x87:
            var elements: [PickleValue] = []
            for _ in 0x85...opcode { elements.insert(try pop(), at: 0) }
            try pushTuple(elements)
        case UInt8(ascii: "a"):
            let element = try pop()
            try append([element])
        case UInt8(ascii: "e"):
            let elements = try popMark()
            try append(elements)
        case UInt8(ascii: "s"):
            let value = try pop()
            let key = try pop()
            try set([key, value])
        case UInt8(ascii: "u"):
            let items = try popMark()
            try set(items)
        case 0x93:
            let (name, module) = (try kept(try pop()), try kept(try pop()))
            try push(try global(module, name))
        case 0x94: memo[UInt32(memo.count)] = try top()
        case UInt8(ascii: "R"):
            let arguments = try pop()
            let function = try pop()
            try push(try reduce(function, arguments, sink))
        case UInt8(ascii: "b"):
            let state = try pop()
            try build(try top(), state, sink)
        default: throw failure("opcode 0x\(String(opcode, radix: 16)) is not one that arrays need")
        }
    }

    private func append(_ elements: [PickleValue]) throws(WeightFailure) {
        guard case .list(let list) = try top() else { throw failure("only a list can be appended to") }
        list.elements += elements
    }

    private func set(_ items: [PickleValue]) throws(WeightFailure) {
        guard case .dictionary(let dictionary) = try top(), items.count % 2 == 0 else {
            throw failure("only a dict has items, and they come in pairs")
        }
        for index in stride(from: 0, to: items.count, by: 2) {
            dictionary.set(try kept(items[index]), items[index + 1])
        }
    }

    func kept(_ value: PickleValue) throws(WeightFailure) -> String {
        guard case .text(let text) = value else { throw failure("a str is needed here, not \(value.kind)") }
        guard case .kept(let string) = text.place else {
            throw failure("a string of more than \(Self.longestText) bytes is only read as the bytes of an array")
        }
        return string
    }

    private func global(_ module: String, _ name: String) throws(WeightFailure) -> PickleValue {
        guard let known = PickleGlobal(rawValue: "\(module).\(name)") else {
            let shown = "\(module.prefix(64)).\(name.prefix(64))".debugDescription
            throw failure("the global \(shown) is not one that arrays need; nothing was imported or called")
        }
        return .global(known)
    }

    /// Puts the bytes of a string to the sink, which protocol 2 writes for bytes.
    mutating func park(_ text: PickleText, to sink: any ElementSink) throws -> Range<Int> {
        guard case .kept(let string) = text.place else {
            guard case .parked(let range) = text.place else { return 0..<0 }
            return range
        }
        var latin: [UInt8] = []
        for scalar in string.unicodeScalars {
            guard let byte = UInt8(exactly: scalar.value) else { throw failure("a string is not Latin-1") }
            latin.append(byte)
        }
        guard !isInPlace || latin.count <= 1 else { throw failure("bytes as a str; write protocol 3 or later") }
        guard !isInPlace else { return place..<place }
        let start = budget.position
        try latin.withUnsafeBytes { try budget.append($0, to: sink, at: opcodeOffset, array: 0) }
        textBytes -= string.utf8.count
        text.place = .parked(start..<budget.position)
        return start..<budget.position
    }
}
