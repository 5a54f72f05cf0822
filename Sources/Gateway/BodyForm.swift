internal import Compression
internal import MicroHTTP
internal import WeightFormats
internal import Weights
internal import WireJSON

/// In which form a body comes: its weight format, and what was done to it for the transport.
struct BodyForm: Sendable, Hashable {
    /// How the weights are written down.
    enum Format: Sendable, Hashable {
        /// The first bytes tell.
        case sniffed
        /// A name of the registry's.
        case named(String)
        /// The bare elements of one array.
        case raw(ArraySpec)
        /// One array a part (RFC 7578).
        case multipart(boundary: String)
        /// A package, whose head names the format of what it holds.
        case package
    }

    /// All that an upload may be, for a refusal.
    static var names: String {
        WeightFormats.names + ", package; raw needs ?dtype= and &shape=, multipart/form-data has one array a part"
    }

    /// The media type of a package.
    private static let package = "application/vnd.fedpk"

    /// At most so many layers of `Content-Encoding`.
    private static let mostCodings = 4

    var format = Format.sniffed
    /// In the order in which they were applied.
    var codings: [Codec] = []

    /// Whether the body is stored byte for byte as it came.
    var isStoredAsSent: Bool {
        guard codings.isEmpty else { return false }
        switch format {
        case .sniffed, .named: return true
        case .raw, .multipart, .package: return false
        }
    }

    /// - Parameters:
    ///   - query: `format`, `dtype` and `shape` are read.
    ///   - contentType: the header.
    ///   - contentEncoding: the header.
    init(_ query: Query, contentType: String?, contentEncoding: String?) throws(Failure) {
        codings = try Self.codings(contentEncoding)
        let type = contentType.map { Self.mediaType($0) }
        let isRaw = query["dtype"] != nil || query["shape"] != nil
        if query["format"] == "package" || query["format"] == nil && type == Self.package {
            guard !isRaw else {
                throw Failure(.badRequest, "dtype and shape are only for format=raw; a package says them itself")
            }
            format = .package
        } else if let name = query["format"] {
            guard let known = WeightFormats.named(name) else {
                throw Failure(
                    .unsupportedFormat, "format \"\(name)\" is not supported; supported: \(Self.names)")
            }
            guard !isRaw || known.decoder == nil else {
                throw Failure(.badRequest, "dtype and shape are only for format=raw; \(known.name) says them itself")
            }
            format = known.decoder == nil ? .raw(try Self.raw(query)) : .named(known.name)
        } else if isRaw {
            format = .raw(try Self.raw(query))
        } else if type == "multipart/form-data" {
            format = .multipart(boundary: try Self.boundary(contentType ?? ""))
        } else if let type, let known = WeightFormats.ofMediaType(type), known.decoder != nil {
            format = .named(known.name)
        }
    }

    /// A form that is known already.
    init(format: Format = .sniffed) { self.format = format }

    /// A header's media type, without parameters, in lower case.
    static func mediaType(_ header: String) -> String { header.prefix { $0 != ";" }.lowercased().filter { $0 != " " } }

    private static func codings(_ header: String?) throws(Failure) -> [Codec] {
        var codings: [Codec] = []
        for name in (header ?? "").split(separator: ",").map({ String($0.trimmed()).lowercased() }) where !name.isEmpty
        {
            switch name {
            case "identity": continue
            case "gzip", "x-gzip": codings.append(.gzip)
            case "zstd": codings.append(.zstd)
            case "lz4": codings.append(.lz4)
            default:
                throw unsupported("Content-Encoding \"\(name)\" is not supported")
            }
        }
        guard codings.count <= mostCodings else {
            throw unsupported(
                "Content-Encoding has \(codings.count) layers, over \(mostCodings)", limit: UInt64(mostCodings))
        }
        return codings
    }

    /// With what could be sent instead (RFC 9110, section 15.5.16).
    private static func unsupported(_ reason: String, limit: UInt64? = nil) -> Failure {
        let supported = "gzip, zstd, lz4"
        var failure = Failure(.unsupportedEncoding, "\(reason); supported: \(supported)", limit: limit)
        failure.headers = [("Accept-Encoding", supported)]
        return failure
    }

    private static func raw(_ query: Query) throws(Failure) -> ArraySpec {
        guard let name = query["dtype"] else {
            throw Failure(.badRequest, "raw bytes need ?dtype= and &shape=, such as ?dtype=float32&shape=2,3")
        }
        return try raw(dtype: name, shape: query["shape"] ?? "", name: nil)
    }

    /// - Parameter shape: lengths with commas; empty for a scalar.
    static func raw(dtype: String, shape: String, name: String?) throws(Failure) -> ArraySpec {
        do throws(WeightFailure) { return try ArraySpec(raw: dtype, shape: shape, name: name) } catch {
            throw Failure(query: error)
        }
    }

    /// The boundary of a multipart type: a token or a quoted string of at most 70 characters (RFC 2046, section 5.1.1).
    private static func boundary(_ contentType: String) throws(Failure) -> String {
        let value = HeaderParameters(contentType)["boundary"] ?? ""
        guard (1...70).contains(value.utf8.count) else {
            throw Failure(
                .badRequest, "multipart/form-data needs a boundary of 1 to 70 characters",
                limit: value.isEmpty ? nil : 70)
        }
        return value
    }
}

/// The parameters behind a header's value: `; name=value` or `; name="value"` (RFC 9110, section 5.6.6).
struct HeaderParameters {
    private var values: [String: [UInt8]] = [:]

    init(_ header: String) { self.init(Array(header.utf8)[...]) }

    /// - Parameter header: perhaps not UTF-8: a browser sends names and filenames as it likes.
    init(_ header: ArraySlice<UInt8>) {
        var rest = header.drop { $0 != UInt8(ascii: ";") }
        while rest.popFirst() != nil {
            let name = rest.prefix { $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: ";") }
            rest = rest[name.endIndex...]
            guard rest.first == UInt8(ascii: "=") else { continue }
            rest.removeFirst()
            var value: [UInt8] = []
            if rest.first == UInt8(ascii: "\"") {
                rest.removeFirst()
                while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
                    if byte == UInt8(ascii: "\\"), let next = rest.popFirst() {
                        value.append(next)
                    } else {
                        value.append(byte)
                    }
                }
                rest = rest.drop { $0 != UInt8(ascii: ";") }
            } else {
                let token = rest.prefix { $0 != UInt8(ascii: ";") }
                rest = rest[token.endIndex...]
                value = Array(token)
                while value.last == 0x20 || value.last == 0x09 { value.removeLast() }
            }
            let key = String(decoding: name, as: UTF8.self).lowercased().filter { $0 != " " && $0 != "\t" }
            values[key] = values[key] ?? value
        }
    }

    /// A value as text; what is not UTF-8 becomes U+FFFD.
    subscript(name: String) -> String? { values[name].map { String(decoding: $0, as: UTF8.self) } }

    /// Whether a value is what its text says.
    func isUTF8(_ name: String) -> Bool { values[name].map { String(validating: $0, as: UTF8.self) != nil } ?? true }
}

/// As it is kept beside a body that comes in parts.
extension BodyForm {
    var json: JSONValue {
        var members: [String: JSONValue] = ["codings": .array(codings.map { .string($0.rawValue) })]
        switch format {
        case .sniffed: break
        case .named(let name): members["format"] = .string(name)
        case .raw(let spec):
            members["dtype"] = .string(spec.dtype.rawValue)
            members["shape"] = .string(spec.shape.map { String($0) }.joined(separator: ","))
        case .multipart(let boundary): members["boundary"] = .string(boundary)
        case .package: members["package"] = .bool(true)
        }
        return .object(members)
    }

    /// Nil when this version did not write it.
    init?(_ json: JSONValue?) {
        guard let members = json?.objectValue, case .array(let names)? = members["codings"] else { return nil }
        self.init()
        codings = names.compactMap { $0.stringValue.flatMap { Codec(rawValue: $0) } }
        if let name = members["format"]?.stringValue {
            format = .named(name)
        } else if let dtype = members["dtype"]?.stringValue, let shape = members["shape"]?.stringValue {
            guard let spec = try? Self.raw(dtype: dtype, shape: shape, name: nil) else { return nil }
            format = .raw(spec)
        } else if let boundary = members["boundary"]?.stringValue {
            format = .multipart(boundary: boundary)
        } else if members["package"] == .bool(true) {
            format = .package
        }
    }
}
