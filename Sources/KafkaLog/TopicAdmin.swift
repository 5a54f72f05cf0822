internal import CRdkafka
internal import EventLog
internal import Glibc

/// Makes topics and asks what they are like.
///
/// Thread: any; every call blocks.
struct TopicAdmin {
    private static let timeout: Int32 = 8_000
    /// How often a broker is asked again about a topic that it may only not know yet, a tenth of a second apart.
    private static let patience = 100

    let handle: OpaquePointer

    func prepare(_ specs: [TopicSpec]) throws(LogFailure) -> [String: TopicLimits] {
        try create(specs)
        var limits: [String: TopicLimits] = [:]
        for spec in specs {
            let partitions = try partitions(of: spec.name)
            // Metadata names leaders before those know it. Only who asks them knows that they take records: see `KafkaError.nowhere`.
            _ = try Watermarks(handle: handle, topic: spec.name, partitions: partitions).ask()
            limits[spec.name] = TopicLimits(
                partitions: partitions, maxRecordBytes: try maxMessageBytes(of: spec.name))
        }
        return limits
    }

    /// Topics that exist stay as they are.
    private func create(_ specs: [TopicSpec]) throws(LogFailure) {
        let event = try ask(RD_KAFKA_ADMIN_OP_CREATETOPICS) { options, queue in
            var topics: [OpaquePointer?] = specs.map { spec in
                let topic = rd_kafka_NewTopic_new(spec.name, spec.partitions, -1, nil, 0)
                rd_kafka_NewTopic_set_config(topic, "max.message.bytes", String(spec.maxRecordBytes))
                return topic
            }
            rd_kafka_CreateTopics(handle, &topics, topics.count, options, queue)
            rd_kafka_NewTopic_destroy_array(&topics, topics.count)
        }
        defer { rd_kafka_event_destroy(event) }
        var count = 0
        let results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count)
        for index in 0..<count {
            let result = results?[index]
            let code = rd_kafka_topic_result_error(result)
            let isThere = code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS
            // Who may not make topics may still use those that are there.
            guard isThere || code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED else {
                let name = String(cString: rd_kafka_topic_result_name(result))
                throw LogFailure(.topic, "cannot make the topic \(name): \(KafkaError.text(code))")
            }
        }
    }

    private func maxMessageBytes(of topic: String) throws(LogFailure) -> Int {
        for _ in 0..<Self.patience {
            if let bytes = try describedMaxMessageBytes(of: topic) { return bytes }
            usleep(100_000)
        }
        throw LogFailure(.topic, "no broker that was asked knows the topic \(topic)")
    }

    /// Nil when the broker that answered does not know the topic (yet): another one may have made it just now.
    private func describedMaxMessageBytes(of topic: String) throws(LogFailure) -> Int? {
        let event = try ask(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS) { options, queue in
            var resources = [rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic)]
            rd_kafka_DescribeConfigs(handle, &resources, 1, options, queue)
            rd_kafka_ConfigResource_destroy_array(&resources, 1)
        }
        defer { rd_kafka_event_destroy(event) }
        var count = 0
        let results = rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &count)
        guard count == 1, let resource = results?[0] else {
            throw LogFailure(.topic, "Kafka does not describe the topic \(topic)")
        }
        let code = rd_kafka_ConfigResource_error(resource)
        if code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART { return nil }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw LogFailure(.topic, "cannot read the settings of the topic \(topic): \(KafkaError.text(code))")
        }
        let entries = rd_kafka_ConfigResource_configs(resource, &count)
        for index in 0..<count {
            guard let entry = entries?[index], String(cString: rd_kafka_ConfigEntry_name(entry)) == "max.message.bytes",
                let value = rd_kafka_ConfigEntry_value(entry), let bytes = Int(String(cString: value))
            else { continue }
            return bytes
        }
        throw LogFailure(.topic, "Kafka does not say max.message.bytes of the topic \(topic)")
    }

    /// Whether the topic is there and one of its partitions can be written to.
    func probe(_ topic: String) throws(LogFailure) {
        let reference = rd_kafka_topic_new(handle, topic, nil)
        defer { rd_kafka_topic_destroy(reference) }
        var metadata: UnsafePointer<rd_kafka_metadata>?
        let code = rd_kafka_metadata(handle, 0, reference, &metadata, 2_000)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let metadata else {
            throw LogFailure(.unreachable, "no broker answers: \(KafkaError.text(code))")
        }
        defer { rd_kafka_metadata_destroy(metadata) }
        guard metadata.pointee.topic_cnt == 1, let found = metadata.pointee.topics?[0] else {
            throw LogFailure(.unreachable, "no broker says anything of the topic \(topic)")
        }
        guard found.err == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw LogFailure(
                KafkaError.isTopic(found.err) ? .topic : .unreachable,
                "the topic \(topic): \(KafkaError.text(found.err))")
        }
        guard (0..<Int(found.partition_cnt)).contains(where: { found.partitions[$0].leader >= 0 }) else {
            throw LogFailure(.unreachable, "no partition of the topic \(topic) has a leader")
        }
    }

    /// Waits until every partition of the topic has a leader.
    private func partitions(of topic: String) throws(LogFailure) -> Int32 {
        let reference = rd_kafka_topic_new(handle, topic, nil)
        defer { rd_kafka_topic_destroy(reference) }
        var last = RD_KAFKA_RESP_ERR__TIMED_OUT
        for _ in 0..<Self.patience {
            var metadata: UnsafePointer<rd_kafka_metadata>?
            let code = rd_kafka_metadata(handle, 0, reference, &metadata, 10_000)
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let metadata else {
                throw LogFailure(.unreachable, KafkaError.text(code))
            }
            defer { rd_kafka_metadata_destroy(metadata) }
            if metadata.pointee.topic_cnt == 1, let found = metadata.pointee.topics?[0] {
                let hasLeaders = (0..<Int(found.partition_cnt)).allSatisfy { found.partitions[$0].leader >= 0 }
                last = found.err
                if last == RD_KAFKA_RESP_ERR_NO_ERROR {
                    if found.partition_cnt > 0, hasLeaders { return found.partition_cnt }
                    last = RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE
                }
            }
            usleep(100_000)
        }
        let reason = "the topic \(topic) has no leader: \(KafkaError.text(last))"
        // A leader that is away comes back; a topic that is missing does not.
        throw LogFailure(KafkaError.isTopic(last) ? .topic : .unreachable, reason)
    }

    /// Asks the brokers something and waits for the answer, which the caller destroys.
    private func ask(
        _ operation: rd_kafka_admin_op_t, _ body: (OpaquePointer?, OpaquePointer?) -> Void
    ) throws(LogFailure) -> OpaquePointer {
        let options = rd_kafka_AdminOptions_new(handle, operation)
        defer { rd_kafka_AdminOptions_destroy(options) }
        rd_kafka_AdminOptions_set_request_timeout(options, Self.timeout, nil, 0)
        let queue = rd_kafka_queue_new(handle)
        defer { rd_kafka_queue_destroy(queue) }
        body(options, queue)
        guard let event = rd_kafka_queue_poll(queue, Self.timeout + 5000) else {
            throw LogFailure(.unreachable, "Kafka: no broker answers")
        }
        let code = rd_kafka_event_error(event)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            let reason = String(cString: rd_kafka_event_error_string(event))
            rd_kafka_event_destroy(event)
            throw LogFailure(.unreachable, "Kafka: \(reason)")
        }
        return event
    }
}
