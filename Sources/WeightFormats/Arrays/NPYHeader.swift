internal import Weights

/// The head of a .npy file: a Python dictionary as text (NEP 1, "Format Specification").
struct NPYHeader {
    var type: ElementType
    var isFortran: Bool
    var shape: [UInt64]

    /// Reads the dictionary.
    ///
    /// - Parameters:
    ///   - text: with the padding behind it.
    ///   - offset: of its first byte, for refusals.
    ///   - array: index, for refusals.
    init(_ text: [UInt8], at offset: UInt64, array: Int) throws(WeightFailure) {
        var literal = PythonLiteral(text, at: offset, array: array)
        var type: ElementType?
        var isFortran: Bool?
        var shape: [UInt64]?
        try literal.expect("{")
        while try !literal.takes("}") {
            let place = literal.offset
            let key = try literal.string()
            try literal.expect(":")
            switch key {
            case "descr" where type == nil: type = try Self.type(&literal)
            case "fortran_order" where isFortran == nil: isFortran = try literal.bool()
            case "shape" where shape == nil: shape = try literal.tuple()
            default:
                throw literal.failure(
                    "npy header: key \(key.quoted) comes twice or is unknown", at: place)
            }
            if try !literal.takes(",") {
                try literal.expect("}")
                break
            }
        }
        try literal.end()
        guard let type, let isFortran, let shape else {
            throw WeightFailure("npy header: descr, fortran_order and shape are needed", at: offset, array: array)
        }
        (self.type, self.isFortran, self.shape) = (type, isFortran, shape)
    }

    private static func type(_ literal: inout PythonLiteral) throws(WeightFailure) -> ElementType {
        let place = literal.offset
        let text = try literal.string()
        if let known = ElementType(text: text) { return known }
        let hint =
            text.contains("V") ? "; NumPy saves bfloat16 and float8 as bytes without a type, so send safetensors" : ""
        throw literal.failure(
            "npy header: descr \(text.quoted) is not one of \(ElementType.admitted)\(hint)",
            at: place)
    }
}

/// What stands in the head of a .npy file, of Python's literals.
struct PythonLiteral {
    private let text: [UInt8]
    private let start: UInt64
    private let array: Int
    private var position = 0

    init(_ text: [UInt8], at start: UInt64, array: Int) {
        self.text = text
        self.start = start
        self.array = array
    }

    var offset: UInt64 { start + UInt64(position) }

    func failure(_ reason: String, at offset: UInt64, limit: UInt64? = nil) -> WeightFailure {
        WeightFailure(reason, at: offset, array: array, limit: limit)
    }

    /// Passes over one sign, when it is the next.
    mutating func takes(_ sign: Unicode.Scalar) throws(WeightFailure) -> Bool {
        skipBlanks()
        guard position < text.count, text[position] == UInt8(ascii: sign) else { return false }
        position += 1
        return true
    }

    mutating func expect(_ sign: Unicode.Scalar) throws(WeightFailure) {
        guard try takes(sign) else { throw failure("npy header: \"\(sign)\" is missing here", at: offset) }
    }

    /// A string without escapes, which no key and no dtype has.
    mutating func string() throws(WeightFailure) -> String {
        skipBlanks()
        guard position < text.count, text[position] == UInt8(ascii: "'") || text[position] == UInt8(ascii: "\"") else {
            throw failure("npy header: a string is missing here; structured dtypes are not admitted", at: offset)
        }
        let quote = text[position]
        guard let end = text[(position + 1)...].firstIndex(of: quote) else {
            throw failure("npy header: the string has no end", at: offset)
        }
        defer { position = end + 1 }
        return String(decoding: text[(position + 1)..<end], as: UTF8.self)
    }

    mutating func bool() throws(WeightFailure) -> Bool {
        skipBlanks()
        for (word, value) in [("True", true), ("False", false)] where text[position...].starts(with: word.utf8) {
            position += word.utf8.count
            return value
        }
        throw failure("npy header: True or False is missing here", at: offset)
    }

    /// A tuple of lengths.
    mutating func tuple() throws(WeightFailure) -> [UInt64] {
        try expect("(")
        var lengths: [UInt64] = []
        while try !takes(")") {
            guard lengths.count < ArrayDraft.maximumDimensions else {
                let limit = ArrayDraft.maximumDimensions
                throw failure(
                    "npy header: shape has more than \(limit) dimensions", at: offset, limit: UInt64(limit))
            }
            lengths.append(try integer())
            if try !takes(",") {
                try expect(")")
                break
            }
        }
        return lengths
    }

    mutating func end() throws(WeightFailure) {
        skipBlanks()
        guard position == text.count else { throw failure("npy header: something stands behind it", at: offset) }
    }

    private mutating func integer() throws(WeightFailure) -> UInt64 {
        skipBlanks()
        let digits = text[position...].prefix { 0x30...0x39 ~= $0 }
        guard !digits.isEmpty else { throw failure("npy header: a length is missing here", at: offset) }
        guard let value = Int(String(decoding: digits, as: UTF8.self)) else {
            throw failure("npy header: the length is over \(Int.max)", at: offset, limit: UInt64(Int.max))
        }
        position += digits.count
        // Python 2 wrote some lengths as long integers.
        if position < text.count, text[position] == UInt8(ascii: "L") { position += 1 }
        return UInt64(value)
    }

    private mutating func skipBlanks() {
        while position < text.count, [0x20, 0x09, 0x0a, 0x0d].contains(text[position]) { position += 1 }
    }
}
