internal import Weights
internal import WireJSON

/// Takes a JSON text (RFC 8259) apart as it arrives.
///
/// Only one token is held, and a bit for each open bracket.
struct JSONTokenizer {
    static let maximumDepth = 64

    enum Event {
        case beginObject, endObject, beginList, endList
        /// With the colon behind it, so that a value comes next.
        case key(String)
        /// A string, number, bool or null.
        case scalar(JSONValue)
    }

    private enum Expected { case value, valueOrEnd, key, keyOrEnd, colon, commaOrEnd, end }
    enum Token { case none, string, escape, word }

    private let maximumToken: Int
    private var expected = Expected.value
    /// Whether each open bracket is an object's.
    private var open: [Bool] = []
    var token = Token.none
    var text: [UInt8] = []
    var hasEscape = false
    private var key = ""
    /// Of the token that was begun last, in the body.
    private(set) var start: UInt64 = 0

    /// - Parameter maximumToken: bytes of a string or number.
    init(maximumToken: Int) { self.maximumToken = maximumToken }

    /// Whether the text is whole.
    var isComplete: Bool { expected == .end && token == .none }

    /// Says that the value that was expected was taken by others.
    mutating func valueTaken() { endValue() }

    /// The next event, or nil when it is not in these bytes.
    ///
    /// - Parameters:
    ///   - bytes: the text.
    ///   - place: where in it to begin, and then where to go on.
    ///   - origin: of the text in the body.
    mutating func next(
        _ bytes: UnsafeRawBufferPointer, _ place: inout Int, origin: UInt64
    ) throws(WeightFailure) -> Event? {
        while place < bytes.count {
            let byte = bytes[place]
            switch token {
            case .none:
                if byte.isJSONBlank {
                    place += 1
                    continue
                }
                start = origin + UInt64(place)
                let event = try begin(byte)
                place += 1
                if let event { return event }
            case .word:
                // Its end is the first byte that is not of it, which is left.
                if JSONNumber.isPart(byte) || byte.isLowercase {
                    try keep(byte)
                    place += 1
                } else {
                    return .scalar(try endWord())
                }
            case .string, .escape:
                place += 1
                if try takeStringByte(byte, at: origin + UInt64(place - 1)) {
                    let string = try endString()
                    if expected == .commaOrEnd || expected == .end { return .scalar(.string(string)) }
                    key = string
                }
            }
        }
        return nil
    }

    /// At the end of the body: a number may lie there alone.
    mutating func finish() throws(WeightFailure) -> Event? {
        token == .word ? .scalar(try endWord()) : nil
    }

    mutating func keep(_ byte: UInt8) throws(WeightFailure) {
        guard text.count < maximumToken else {
            throw WeightFailure(
                "a string or number has more than \(maximumToken) bytes", at: start, limit: UInt64(maximumToken))
        }
        text.append(byte)
    }

    private mutating func begin(_ byte: UInt8) throws(WeightFailure) -> Event? {
        switch (expected, byte) {
        case (.colon, UInt8(ascii: ":")):
            expected = .value
            return .key(key)
        case (.commaOrEnd, UInt8(ascii: ",")):
            expected = open.last == true ? .key : .value
            return nil
        case (.commaOrEnd, UInt8(ascii: "}")) where open.last == true, (.keyOrEnd, UInt8(ascii: "}")):
            return close(.endObject)
        case (.commaOrEnd, UInt8(ascii: "]")) where open.last == false, (.valueOrEnd, UInt8(ascii: "]")):
            return close(.endList)
        case (.key, UInt8(ascii: "\"")), (.keyOrEnd, UInt8(ascii: "\"")):
            beginToken(.string)
            expected = .colon
            return nil
        case (.value, _), (.valueOrEnd, _): return try beginValue(byte)
        default: throw unexpected(byte)
        }
    }

    private mutating func beginValue(_ byte: UInt8) throws(WeightFailure) -> Event? {
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            guard open.count < Self.maximumDepth else {
                let limit = Self.maximumDepth
                throw WeightFailure("JSON is nested deeper than \(limit)", at: start, limit: UInt64(limit))
            }
            let isObject = byte == UInt8(ascii: "{")
            open.append(isObject)
            expected = isObject ? .keyOrEnd : .valueOrEnd
            return isObject ? .beginObject : .beginList
        case UInt8(ascii: "\""):
            endValue()
            beginToken(.string)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"):
            endValue()
            beginToken(.word)
            try keep(byte)
        default: throw unexpected(byte)
        }
        return nil
    }

    private mutating func beginToken(_ kind: Token) {
        token = kind
        text.removeAll(keepingCapacity: true)
        hasEscape = false
    }

    private mutating func close(_ event: Event) -> Event {
        open.removeLast()
        endValue()
        return event
    }

    private mutating func endValue() { expected = open.isEmpty ? .end : .commaOrEnd }

    private func unexpected(_ byte: UInt8) -> WeightFailure {
        let found = (0x21...0x7e).contains(byte) ? "'\(Unicode.Scalar(byte))'" : "byte \(byte)"
        let wanted =
            switch expected {
            case .value: "a value"
            case .valueOrEnd: "a value or ]"
            case .key: "a key"
            case .keyOrEnd: "a key or }"
            case .colon: "a colon"
            case .commaOrEnd: open.last == true ? "a comma or }" : "a comma or ]"
            case .end: "the end"
            }
        return WeightFailure("not JSON: \(found) where \(wanted) is expected", at: start)
    }
}
