internal import Weights

/// What the head of a member says of it (APPNOTE 6.3.10, section 4.3.7), or what the directory says (4.3.12).
struct ZipMember: Equatable {
    var name: String
    /// Of the member's head in the archive.
    var offset: UInt64
    var method: UInt16
    var checksum: UInt32 = 0
    /// Bytes in the archive.
    var storedSize: UInt64 = 0
    /// Bytes of the file.
    var size: UInt64 = 0
}

/// A member's head.
struct ZipHead {
    static let signature: UInt32 = 0x0403_4b50
    /// Behind the signature, before name and extra field.
    static let fixedSize = 26

    var member: ZipMember
    /// Sizes and checksum stand behind the data.
    var hasDescriptor: Bool
    /// Sizes have 8 bytes.
    var isZip64: Bool

    /// - Parameters:
    ///   - field: all behind the signature.
    ///   - offset: of the signature.
    init(_ field: FieldGatherer, at offset: UInt64, array: Int) throws(WeightFailure) {
        let flags = field.integer(UInt16.self, at: 2)
        let method = field.integer(UInt16.self, at: 4)
        guard flags & 1 == 0 else {
            throw WeightFailure("the zip member is encrypted", at: offset + 6, array: array)
        }
        guard method == 0 || method == 8 else {
            throw WeightFailure(
                "zip method \(method) is neither 0 (stored) nor 8 (deflated)", at: offset + 8, array: array)
        }
        hasDescriptor = flags & 8 != 0
        let nameLength = Int(field.integer(UInt16.self, at: 22))
        let name = try Self.name(field.bytes[26..<26 + nameLength], at: offset + 30, array: array)
        member = ZipMember(name: name, offset: offset, method: method)
        member.checksum = field.integer(UInt32.self, at: 10)
        member.storedSize = UInt64(field.integer(UInt32.self, at: 14))
        member.size = UInt64(field.integer(UInt32.self, at: 18))
        let sizes = Zip64Sizes(field.bytes[(26 + nameLength)...])
        isZip64 = sizes != nil
        guard
            Self.complete(&member.size, sizes?.next(when: member.size)),
            Self.complete(&member.storedSize, sizes?.next(when: member.storedSize))
        else { throw WeightFailure("the zip member's 64-bit sizes are missing", at: offset, array: array) }
    }

    static func complete(_ size: inout UInt64, _ wide: UInt64?) -> Bool {
        guard size == UInt64(UInt32.max) else { return true }
        guard let wide else { return false }
        size = wide
        return true
    }

    static func name(_ bytes: ArraySlice<UInt8>, at offset: UInt64, array: Int) throws(WeightFailure) -> String {
        guard let name = String(validating: bytes, as: UTF8.self) else {
            throw WeightFailure("the zip member's name is not UTF-8", at: offset, array: array)
        }
        return name
    }
}

/// The 64-bit sizes of an extra field (APPNOTE, section 4.5.3); only those are there whose 32-bit field is full.
final class Zip64Sizes {
    private var values: [UInt64] = []

    /// Nil when the extra field has none.
    init?(_ extra: ArraySlice<UInt8>) {
        var rest = extra
        while rest.count >= 4 {
            let bytes = Array(rest.prefix(4))
            let id = UInt16(bytes[0]) | UInt16(bytes[1]) << 8
            let size = Int(bytes[2]) | Int(bytes[3]) << 8
            let body = rest.dropFirst(4).prefix(size)
            guard body.count == size else { return nil }
            if id == 1 {
                var words = body
                while words.count >= 8 {
                    values.append(words.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) })
                    words = words.dropFirst(8)
                }
                return
            }
            rest = rest.dropFirst(4 + size)
        }
        return nil
    }

    /// The next one, taken when the 32-bit field is full.
    func next(when narrow: UInt64) -> UInt64? {
        guard narrow == UInt64(UInt32.max), !values.isEmpty else { return nil }
        return values.removeFirst()
    }
}
