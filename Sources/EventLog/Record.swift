public import Bytes
public import Files

/// A header of a record: a name and bytes, as Kafka has them.
public struct RecordHeader: Sendable, Hashable {
    /// UTF-8, without a NUL byte.
    public var name: String
    /// Any bytes.
    public var value: [UInt8]

    /// A header.
    ///
    /// - Parameters:
    ///   - name: UTF-8, without a NUL byte.
    ///   - value: any bytes.
    public init(_ name: String, _ value: [UInt8]) {
        self.name = name
        self.value = value
    }
}

/// What is appended: key, headers and a value that is lent, not copied, until the log has answered.
public struct Record: Sendable {
    /// Records of one key keep their order.
    public var key: [UInt8]
    /// In the order given.
    public var headers: [RecordHeader]
    /// The memory that holds the value; the log retains it until the completion was called.
    public var slab: Slab
    /// Where in the slab the value lies.
    public var range: Range<Int>

    /// A record.
    ///
    /// - Parameters:
    ///   - key: records of one key keep their order.
    ///   - headers: in this order.
    ///   - slab: holds the value.
    ///   - range: where in the slab the value lies; within its capacity.
    public init(key: [UInt8], headers: [RecordHeader], slab: Slab, range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= slab.capacity, "the value lies outside its slab")
        self.key = key
        self.headers = headers
        self.slab = slab
        self.range = range
    }

    /// The value's bytes, valid as long as the record.
    public var value: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: slab.bytes[range]) }
}

/// Where a record stands.
public struct Position: Sendable, Hashable {
    /// The topic's name.
    public var topic: String
    /// From 0.
    public var partition: Int32
    /// From 0, ascending, with gaps where a log keeps records of its own.
    public var offset: Int64

    /// A position.
    ///
    /// - Parameters:
    ///   - topic: the topic's name.
    ///   - partition: from 0.
    ///   - offset: from 0.
    public init(topic: String, partition: Int32, offset: Int64) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
    }
}

/// A record as it is read.
///
/// Its bytes are borrowed from the log: they are valid only during the call that receives it.
public struct StoredRecord: ~Copyable {
    /// Where it stands.
    public let position: Position
    /// Milliseconds since 1970 at which it was appended.
    public let timestamp: Int64
    /// The record's key, if it has one.
    public let key: UnsafeRawBufferPointer?
    /// In the order appended.
    public let headers: [RecordHeader]
    /// The value.
    public let value: UnsafeRawBufferPointer
    /// Where the value lies in a file, if it does, which neither changes nor goes while the log is open.
    public let extent: FileExtent?

    /// A record for the duration of one call.
    ///
    /// - Parameters:
    ///   - position: where it stands.
    ///   - timestamp: milliseconds since 1970.
    ///   - key: borrowed.
    ///   - headers: in the order appended.
    ///   - value: borrowed.
    ///   - extent: where it lies in a file.
    public init(
        position: Position, timestamp: Int64, key: UnsafeRawBufferPointer?, headers: [RecordHeader],
        value: UnsafeRawBufferPointer, extent: FileExtent? = nil
    ) {
        self.position = position
        self.timestamp = timestamp
        self.key = key
        self.headers = headers
        self.value = value
        self.extent = extent
    }
}
