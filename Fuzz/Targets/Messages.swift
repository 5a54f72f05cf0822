@testable import Envelopes

/// A record's value in the JSON envelope, also without its checksum, which no fuzzer finds.
enum Messages {
    static func check(_ input: UnsafeRawBufferPointer, _ piece: Int) throws {
        let reader = MessageReader(limits: Packages.limits)
        let size = try? reader.readMessage(json: input) { opened in
            try require(opened.storedPackage.count <= Packages.limits.maxStored, "a package over the limit")
            return opened.payload.count
        }
        try require(size ?? 0 <= Packages.limits.maxDecoded, "a payload over the limit")
        guard let (message, _, range) = try? JSONMessage.read(input) else { return }
        try message.check()
        guard let package = try? reader.decode(range, of: input) else { return }
        try Packages.check(package, piece)
    }
}
