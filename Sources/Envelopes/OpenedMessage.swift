/// A message that was read and verified, for the duration of one call.
public struct OpenedMessage: ~Copyable {
    /// Its fields.
    public let message: Message
    /// The header of its package.
    public let package: PackageHeader
    /// The payload, decompressed; not aligned.
    ///
    /// Of a commit record it is empty: a `ChunkSpool` has it.
    public let payload: UnsafeRawBufferPointer
    /// The package as stored: head and payload, not base64 any more.
    public let storedPackage: UnsafeRawBufferPointer
}
