internal import Weights

/// Reads an array's elements from nested lists of numbers as they arrive, and learns the shape from the nesting.
struct NestedNumbers {
    /// Of the text of one number.
    static let maximumLength = 1024

    private enum Expected { case value, valueOrEnd, commaOrEnd }

    let type: ElementType
    private let array: Int
    private var expected = Expected.value
    /// How many elements each open list has so far.
    private var counts: [Int] = []
    /// The length of each dimension, once a list of that depth has ended.
    private var lengths: [Int?] = []
    /// How deep the numbers lie, once there was one.
    private var leafDepth: Int?
    /// The start of a number or literal that goes on in the next piece.
    private var held: [UInt8] = []
    private(set) var isComplete = false

    init(type: ElementType, array: Int) {
        self.type = type
        self.array = array
    }

    /// The shape that the nesting says; behind a dimension of length 0 nothing is known.
    var shape: [UInt64] { lengths.map { UInt64($0 ?? 0) } }

    /// Takes text up to the end of the value.
    ///
    /// - Parameters:
    ///   - bytes: the text.
    ///   - start: where in it to begin.
    ///   - origin: of the text in the body.
    ///   - writer: takes the elements.
    ///   - give: takes what the writer gathered, and the offset in the body.
    /// - Returns: where in the text the value ends, or its count.
    mutating func feed(
        _ bytes: UnsafeRawBufferPointer, from start: Int, origin: UInt64, writer: ElementWriter,
        give: (UnsafeRawBufferPointer, UInt64) throws -> Void
    ) throws -> Int {
        guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return start }
        var place = start
        while place < bytes.count, !isComplete {
            let byte = base[place]
            if JSONNumber.isPart(byte) || byte.isLowercase {
                // A token whose end is not in this piece waits for the next one.
                var end = place
                while end < bytes.count, JSONNumber.isPart(base[end]) || base[end].isLowercase { end += 1 }
                guard held.count + end - place <= Self.maximumLength else {
                    let limit = Self.maximumLength
                    throw failure(
                        "a number has more than \(limit) characters", at: origin + UInt64(place), limit: UInt64(limit))
                }
                if end == bytes.count || !held.isEmpty {
                    held.append(contentsOf: UnsafeBufferPointer(start: base + place, count: end - place))
                    place = end
                    continue
                }
                let offset = origin + UInt64(place)
                if writer.isFull { try writer.flush { try give($0, offset) } }
                try take(base + place, length: end - place, at: offset, writer)
                place = end
                continue
            }
            if !held.isEmpty {
                let token = held + [0]
                held = []
                let offset = origin + UInt64(place) - UInt64(token.count - 1)
                if writer.isFull { try writer.flush { try give($0, offset) } }
                try token.withUnsafeBufferPointer { text in
                    if let first = text.baseAddress {
                        try take(first, length: text.count - 1, at: offset, writer)
                    }
                }
                if isComplete { break }
            }
            try takeMark(byte, at: origin + UInt64(place))
            place += 1
        }
        if isComplete { try writer.flush { try give($0, origin + UInt64(place)) } }
        return place
    }

    private mutating func take(
        _ text: UnsafePointer<UInt8>, length: Int, at offset: UInt64, _ writer: ElementWriter
    ) throws(WeightFailure) {
        guard expected != .commaOrEnd else { throw failure("\(place): a comma or ] is expected", at: offset) }
        if let leafDepth {
            guard leafDepth == counts.count else { throw ragged("a number lies here", at: offset) }
        } else {
            guard lengths.count == counts.count else { throw ragged("a number lies here", at: offset) }
            leafDepth = counts.count
        }
        if let (number, end) = JSONNumber.scan(text), end == length {
            guard writer.append(number, text, as: type.dtype) else {
                throw failure("\(place): \(shown(text, length)) does not fit \(type.dtype.rawValue)", at: offset)
            }
        } else {
            let word = shown(text, length)
            guard word == "true" || word == "false" else {
                throw failure("\(place): \(word) is not a JSON number", at: offset)
            }
            guard type.dtype == .bool else {
                throw failure("\(place): \(word) does not fit \(type.dtype.rawValue)", at: offset)
            }
            writer.append(word == "true")
        }
        endValue()
    }

    private mutating func takeMark(_ byte: UInt8, at offset: UInt64) throws(WeightFailure) {
        switch byte {
        case 0x20, 0x09, 0x0a, 0x0d: break
        case UInt8(ascii: "["):
            guard expected != .commaOrEnd else { throw failure("\(place): a comma or ] is expected", at: offset) }
            try openList(at: offset)
        case UInt8(ascii: "]"):
            guard expected != .value, !counts.isEmpty else {
                throw failure("\(place): a value is expected", at: offset)
            }
            try closeList(at: offset)
        case UInt8(ascii: ","):
            guard expected == .commaOrEnd else { throw failure("\(place): a value is expected", at: offset) }
            expected = .value
        case UInt8(ascii: "N"), UInt8(ascii: "I"):
            throw failure("\(place): NaN and Infinity are not JSON; send them as base64", at: offset)
        default:
            throw failure("\(place): byte \(byte) is neither of a number nor of a list", at: offset)
        }
    }

    private mutating func openList(at offset: UInt64) throws(WeightFailure) {
        guard counts.count < ArrayDraft.maximumDimensions else {
            let limit = ArrayDraft.maximumDimensions
            throw failure("data is nested deeper than \(limit)", at: offset, limit: UInt64(limit))
        }
        if let leafDepth, counts.count >= leafDepth { throw ragged("a list lies here", at: offset) }
        counts.append(0)
        if lengths.count < counts.count { lengths.append(nil) }
        expected = .valueOrEnd
    }

    private mutating func closeList(at offset: UInt64) throws(WeightFailure) {
        let depth = counts.count - 1
        let count = counts.removeLast()
        if let length = lengths[depth], length != count {
            throw failure("\(place) has \(count) elements, but lists of its depth have \(length)", at: offset)
        }
        // The first list of a depth that ends empty says that nothing lies deeper.
        if lengths[depth] == nil, count == 0, lengths.count == depth + 1 { leafDepth = leafDepth ?? depth + 1 }
        lengths[depth] = count
        endValue()
    }

    private mutating func endValue() {
        if counts.isEmpty {
            isComplete = true
        } else {
            counts[counts.count - 1] += 1
            expected = .commaOrEnd
        }
    }

    /// `data[1][2]`.
    private var place: String { counts.reduce("data") { "\($0)[\($1)]" } }

    private func ragged(_ what: String, at offset: UInt64) -> WeightFailure {
        failure("\(place): \(what), but data is nested otherwise before it", at: offset)
    }

    private func shown(_ text: UnsafePointer<UInt8>, _ length: Int) -> String {
        String(decoding: UnsafeBufferPointer(start: text, count: min(length, 40)), as: UTF8.self)
    }

    private func failure(_ reason: String, at offset: UInt64, limit: UInt64? = nil) -> WeightFailure {
        WeightFailure(reason, at: offset, array: array, limit: limit)
    }
}

extension UInt8 {
    /// Of `true`, `false` and `null`.
    var isLowercase: Bool { self &- UInt8(ascii: "a") < 26 }

    /// What JSON admits between tokens.
    var isJSONBlank: Bool { self == 0x20 || self == 0x0a || self == 0x0d || self == 0x09 }
}
