internal import WeightFormats
internal import Weights

/// Makes an npz archive of a `multipart/form-data` body (RFC 7578) in which each part with a filename is one array.
///
/// The part's name is the array's. Its contents are a .npy file, or bare elements under
/// `application/octet-stream; dtype=float32; shape="2,3"`. Parts without a filename are the client's metadata.
final class MultipartStage: BodyStage {
    private enum Step {
        case preamble, headers, array, field, epilogue
    }

    /// Input that is looked at together, so that the output is bounded.
    private static let pieceSize = 16 << 10
    private static let longestHead = 8 << 10
    private static let longestField = 64 << 10
    /// The end of a line, and a line without anything.
    private static let headEnd: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a]

    /// CRLF, two dashes and the boundary; the body's first line counts as if it had a CRLF before it.
    private let delimiter: [UInt8]
    private let limits: DecodeLimits
    private let assembler: NPZAssembler
    private var step = Step.preamble
    /// Bytes that may be the beginning of a delimiter or that wait for the rest of a line.
    private var kept: [UInt8] = [0x0d, 0x0a]
    /// Of the first kept byte in the body; the CRLF that was put before it lies in front of the body.
    private var offset = -2
    /// Nothing of the part was seen yet, and the CRLF that ends its headers still is kept.
    private var isAtStart = false
    private var output: [UInt8] = []
    private var handed = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var fieldBytes = 0
    private var field: (name: String, value: [UInt8])?
    /// Of the array that is being read.
    private var name: String?
    /// What the fields without a filename said.
    private(set) var fields: [String: String] = [:]

    init(boundary: String, limits: DecodeLimits) {
        delimiter = Array("\r\n--\(boundary)".utf8)
        self.limits = limits
        assembler = NPZAssembler(limits: limits)
    }

    deinit { handed.deallocate() }

    func step(_ rest: inout UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer? {
        while !rest.isEmpty {
            let piece = rest.prefix(Self.pieceSize)
            kept.append(contentsOf: piece)
            rest = UnsafeRawBufferPointer(rebasing: rest[piece.endIndex...])
            output.removeAll(keepingCapacity: true)
            while try advance() {}
            guard !output.isEmpty else { continue }
            if handed.count < output.count {
                handed.deallocate()
                handed = .allocate(byteCount: 2 * output.count, alignment: 64)
            }
            handed.copyBytes(from: output)
            return UnsafeRawBufferPointer(rebasing: handed[..<output.count])
        }
        return nil
    }

    func finish() throws {
        guard case .epilogue = step else {
            let array: Int? = if case .array = step { assembler.count } else { nil }
            throw moved(WeightFailure("the body ends here, before multipart's closing delimiter", at: 0, array: array))
        }
    }

    private var place: UInt64 { UInt64(max(0, offset)) }

    /// Does one thing with what is kept; false when more is needed.
    private func advance() throws -> Bool {
        switch step {
        case .epilogue:
            drop(kept.count)
            return false
        case .preamble:
            guard let start = firstPlace(of: delimiter) else {
                drop(max(0, kept.count - delimiter.count))
                return false
            }
            drop(start)
            return try passDelimiter()
        case .headers:
            guard let end = firstPlace(of: Self.headEnd) else {
                guard kept.count <= Self.longestHead else {
                    throw WeightFailure(
                        "a part's headers are over \(Self.longestHead) bytes", at: place,
                        limit: UInt64(Self.longestHead))
                }
                return false
            }
            try begin(PartHead(kept[..<end]))
            // The last CRLF stays: an empty part's delimiter begins with it.
            drop(end + Self.headEnd.count - 2)
            isAtStart = true
            return true
        case .array, .field:
            if isAtStart {
                guard kept.count >= delimiter.count else { return false }
                if !kept.starts(with: delimiter) { drop(2) }
                isAtStart = false
            }
            let end = firstPlace(of: delimiter)
            let count = end ?? max(0, kept.count - delimiter.count)
            if count > 0 { try give(count) }
            guard end != nil else { return false }
            try endPart()
            return try passDelimiter()
        }
    }

    /// Behind a delimiter stand two dashes, which end the body, or CRLF, perhaps after blanks.
    private func passDelimiter() throws -> Bool {
        let rest = kept.dropFirst(delimiter.count)
        guard rest.count >= 2 else {
            step = .preamble
            return false
        }
        if rest.starts(with: [0x2d, 0x2d]) {
            do throws(WeightFailure) { try assembler.finish(to: &output) } catch { throw moved(error) }
            step = .epilogue
            return true
        }
        let blanks = rest.prefix { $0 == 0x20 || $0 == 0x09 }.count
        guard rest.count >= blanks + 2 else {
            step = .preamble
            return false
        }
        guard rest.dropFirst(blanks).starts(with: [0x0d, 0x0a]) else {
            throw WeightFailure("behind multipart's delimiter stands neither -- nor a new line", at: place)
        }
        drop(delimiter.count + blanks + 2)
        step = .headers
        return true
    }

    private func begin(_ head: PartHead) throws {
        guard let name = head.name else {
            throw WeightFailure("a part has no name in its Content-Disposition", at: place)
        }
        guard head.isNameUTF8 else {
            let array = head.hasFilename ? assembler.count : nil
            throw WeightFailure("the part's name \(name.quoted) is not UTF-8", at: place, array: array)
        }
        guard head.hasFilename else {
            fieldBytes += name.utf8.count
            field = (name, [])
            return step = .field
        }
        self.name = name
        var raw: ArraySpec?
        if let dtype = head.dtype {
            do throws(Failure) { raw = try BodyForm.raw(dtype: dtype, shape: head.shape ?? "", name: name) } catch {
                var failure = error
                failure.detail = "the part \(name.quoted): \(error.detail)"
                failure.array = assembler.count
                failure.name = name.excerpt
                failure.offset = place
                throw failure
            }
        }
        do throws(WeightFailure) { try assembler.begin(name, raw: raw, to: &output) } catch { throw moved(error) }
        step = .array
    }

    private func give(_ count: Int) throws {
        if case .field = step {
            fieldBytes += count
            guard fieldBytes <= Self.longestField else {
                throw WeightFailure(
                    "parts without a filename are over \(Self.longestField) bytes; an array needs one", at: place,
                    limit: UInt64(Self.longestField))
            }
            field?.value.append(contentsOf: kept[..<count])
        } else {
            do {
                try kept[..<count].withUnsafeBytes { try assembler.write($0, to: &output) }
            } catch let error as WeightFailure { throw moved(error) }
        }
        drop(count)
    }

    private func endPart() throws {
        if case .array = step {
            do throws(WeightFailure) { try assembler.end(to: &output) } catch { throw moved(error) }
        } else if let (name, value) = field {
            guard let text = String(validating: value, as: UTF8.self) else {
                throw WeightFailure("the part \(name.quoted) is not UTF-8", at: place)
            }
            guard fields.updateValue(text, forKey: name) == nil else {
                throw WeightFailure("the part \(name.quoted) comes twice", at: place)
            }
            field = nil
        }
    }

    /// Failures of the archive name places in it; what the client knows is the body, and the names of its parts.
    private func moved(_ failure: WeightFailure) -> WeightFailure {
        let name = failure.array == nil ? nil : name
        return WeightFailure(failure.reason, at: place, array: failure.array, name: name, limit: failure.limit)
    }

    private func firstPlace(of text: [UInt8]) -> Int? { kept.withUnsafeBytes { $0.firstPlace(of: text) } }

    private func drop(_ count: Int) {
        kept.removeFirst(count)
        offset += count
    }
}

/// The headers of one part.
private struct PartHead {
    var name: String?
    var isNameUTF8 = true
    var hasFilename = false
    var dtype: String?
    var shape: String?

    init(_ text: ArraySlice<UInt8>) {
        for line in text.split(separator: [0x0d, 0x0a]) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let value = HeaderParameters(line[line.index(after: colon)...])
            switch String(decoding: line[..<colon], as: UTF8.self).lowercased() {
            case "content-disposition":
                name = value["name"]
                isNameUTF8 = value.isUTF8("name")
                hasFilename = value["filename"] != nil || value["filename*"] != nil
            case "content-type":
                dtype = value["dtype"]
                shape = value["shape"]
            default: continue
            }
        }
    }
}
