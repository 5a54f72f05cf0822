internal import Weights
internal import WireJSON

/// Takes a safetensors header value by value, and knows of each where it stands.
struct SafetensorsHeaderReader {
    private let text: UnsafeRawBufferPointer
    private let origin: UInt64
    private var place = 0
    private var tokenizer: JSONTokenizer
    /// Of the array whose entry is read.
    var name: String?

    init(_ text: UnsafeRawBufferPointer, at origin: UInt64) {
        self.text = text
        self.origin = origin
        tokenizer = JSONTokenizer(maximumToken: text.count)
    }

    /// Of the key that came last.
    var keyPlace: UInt64 { tokenizer.keyStart }

    func failure(_ reason: String, at offset: UInt64, limit: UInt64? = nil) -> WeightFailure {
        WeightFailure(reason, at: offset, name: name, limit: limit)
    }

    mutating func beginObject(_ what: String) throws(WeightFailure) {
        guard case .beginObject = try next() else { throw failure("\(what) is not an object", at: tokenizer.start) }
    }

    /// The next key of an object, or nil at its end.
    mutating func key() throws(WeightFailure) -> String? {
        if case .key(let key) = try next() { key } else { nil }
    }

    /// Refuses what stands behind the header and is no blank.
    mutating func end() throws(WeightFailure) { _ = try tokenizer.next(text, &place, origin: origin) }

    mutating func dtype() throws(WeightFailure) -> DType {
        let event = try next()
        if case .scalar(.string(let name)) = event, let dtype = DType(safetensors: name) { return dtype }
        let found = if case .scalar(.string(let name)) = event { name.quoted } else { "not a string" }
        throw failure("dtype is \(found), not one of \(DType.safetensorsNames)", at: tokenizer.start)
    }

    /// A list of lengths or offsets, and where it begins.
    mutating func lengths(_ what: String, most: Int) throws(WeightFailure) -> (lengths: [UInt64], place: UInt64) {
        let first = try next()
        let start = tokenizer.start
        guard case .beginList = first else { throw failure("\(what) is not a list", at: start) }
        var lengths: [UInt64] = []
        while true {
            let event = try next()
            if case .endList = event { return (lengths, start) }
            guard case .scalar(let value) = event, let number = value.integerValue, let length = UInt64(exactly: number)
            else {
                throw failure("\(what) holds something else than whole numbers from 0 on", at: tokenizer.start)
            }
            guard lengths.count < most else {
                throw failure("\(what) has more than \(most) elements", at: tokenizer.start, limit: UInt64(most))
            }
            lengths.append(length)
        }
    }

    /// An object of strings.
    mutating func strings(_ what: String) throws(WeightFailure) -> [String: JSONValue] {
        try beginObject(what)
        var strings: [String: JSONValue] = [:]
        while let key = try key() {
            guard strings[key] == nil else { throw failure("\(what): key \(key.quoted) comes twice", at: keyPlace) }
            guard case .scalar(.string(let value)) = try next() else {
                throw failure("\(what): the value of \(key.quoted) is not a string", at: tokenizer.start)
            }
            strings[key] = .string(value)
        }
        return strings
    }

    /// A value that nobody wants.
    mutating func skip() throws(WeightFailure) {
        var depth = 0
        repeat {
            switch try next() {
            case .beginObject, .beginList: depth += 1
            case .endObject, .endList: depth -= 1
            case .key, .scalar: break
            }
        } while depth > 0
    }

    private mutating func next() throws(WeightFailure) -> JSONTokenizer.Event {
        do {
            if let event = try tokenizer.next(text, &place, origin: origin) { return event }
        } catch { throw failure(error.reason, at: error.offset, limit: error.limit) }
        throw failure("not JSON: the header ends within a value", at: origin + UInt64(text.count))
    }
}
