import Compression
import EventLog
import Files
import Glibc
import Telemetry
import Testing
import WireJSON

@testable import Gateway

@Suite struct PartialUploadsTests {
    private let scratch = Scratch()
    private let uploads: PartialUploads
    private let request: UploadRequest

    init() throws {
        let limits = PartialUploads.Limits(maxBytes: 3 * PartialUploads.leastCounted, maxAge: .seconds(60))
        uploads = try PartialUploads(scratch.path + "/uploads", limits, Logger(lowest: .error))
        request = UploadRequest(
            round: 1, clientID: "a", modelVersion: nil, saidDataType: nil, metadata: [:], traceHeaders: [],
            idempotencyKey: nil, digest: ContentDigest(sha256: nil, sha512: nil), form: BodyForm(), contentLength: nil)
    }

    private func isRefused() -> Bool {
        do throws(Failure) { _ = try uploads.create(request, length: nil) } catch { return error.kind == .busy }
        return false
    }

    private func append(_ count: Int, to upload: PartialUpload) throws {
        let bytes = [UInt8](repeating: 1, count: count)
        let file = try upload.open()
        let turn = upload.takeTurn().turn
        #expect(try bytes.withUnsafeBytes { try upload.append($0, to: file, turn: turn) })
    }

    @Test func emptyOnesCountTooUntilTheyAreGone() throws {
        let first = try uploads.create(request, length: nil)
        for _ in 0..<2 { _ = try uploads.create(request, length: nil) }
        #expect(isRefused())
        uploads.remove(first)
        #expect(!isRefused() && isRefused())
        #expect(uploads.bytes == 0)
    }

    /// Its bytes are on the log and not on this disk any more.
    @Test func whatIsStoredTakesNoRoom() throws {
        let upload = try uploads.create(request, length: nil)
        try append(3 * PartialUploads.leastCounted, to: upload)
        #expect(isRefused() && uploads.bytes == 3 * PartialUploads.leastCounted)
        let receipt = Receipt(
            messageID: "m", round: 1, clientID: "a", position: Position(topic: "t", partition: 0, offset: 0), arrays: 1,
            parameters: 1, originalSize: 1, storedSize: 1, checksum: "", compression: .none, filter: .none,
            compressionRatio: 1)
        uploads.stored(upload, receipt)
        #expect(!isRefused() && uploads.bytes == 0)
        #expect(try File(reading: upload.path).size == 0)
    }
}

@Suite struct ReceiptTests {
    @Test(arguments: [1, 1.193, 20, 0.999, 123_456.789]) func whatIsKeptBesideAnUploadIsTheSame(ratio: Double) throws {
        let receipt = Receipt(
            messageID: "m", round: 1, clientID: "a", position: Position(topic: "t", partition: 0, offset: 7), arrays: 1,
            parameters: 2, originalSize: 3, storedSize: 4, checksum: "c", compression: .zstd, filter: .byteplane,
            compressionRatio: ratio)
        #expect(Receipt(try #require(receipt.value)) == receipt)
    }
}
