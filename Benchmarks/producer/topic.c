// Makes, measures and empties the benchmark's topics, without a JVM's start each time:
//   topic create BROKERS NAME KEY=VALUE…   does nothing when it exists
//   topic ends BROKERS NAME                prints {"low":…,"high":…} summed over the partitions; nothing of it exists: -1
//   topic trim BROKERS NAME                deletes all records
#include "../common/kafka.h"

static rd_kafka_t *client;

static rd_kafka_event_t *wait_for(rd_kafka_queue_t *queue) {
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 30000);
    if (!event) die("the broker did not answer in 30 s");
    if (rd_kafka_event_error(event)) die("%s", rd_kafka_event_error_string(event));
    return event;
}

static void create(const char *name, int count, char **settings) {
    char reason[256];
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, 1, -1, reason, sizeof reason);
    if (!topic) die("%s", reason);
    for (int i = 0; i < count; i++) {
        char *value = strchr(settings[i], '=');
        if (!value) die("'%s' is no KEY=VALUE", settings[i]);
        *value++ = 0;
        rd_kafka_NewTopic_set_config(topic, settings[i], value);
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_CreateTopics(client, &topic, 1, NULL, queue);
    rd_kafka_event_t *event = wait_for(queue);
    size_t results;
    const rd_kafka_topic_result_t **result =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &results);
    rd_kafka_resp_err_t error = rd_kafka_topic_result_error(result[0]);
    if (error && error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) die("%s", rd_kafka_topic_result_error_string(result[0]));
    rd_kafka_event_destroy(event);
    rd_kafka_NewTopic_destroy(topic);
    rd_kafka_queue_destroy(queue);
}

static int partitions(const char *name) {
    const struct rd_kafka_metadata *metadata;
    // All topics: asking for one by name might create it.
    rd_kafka_resp_err_t error = rd_kafka_metadata(client, 1, NULL, &metadata, 15000);
    if (error) die("metadata: %s", rd_kafka_err2str(error));
    int count = 0;
    for (int i = 0; i < metadata->topic_cnt; i++)
        if (strcmp(metadata->topics[i].topic, name) == 0) count = metadata->topics[i].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    return count;
}

static void ends(const char *name) {
    int count = partitions(name);
    int64_t low = count ? 0 : -1, high = low;
    for (int i = 0; i < count; i++) {
        int64_t from, to;
        rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(client, name, i, &from, &to, 15000);
        if (error) die("offsets of %s: %s", name, rd_kafka_err2str(error));
        low += from, high += to;
    }
    printf("{\"low\":%lld,\"high\":%lld}\n", (long long)low, (long long)high);
}

static void trim(const char *name) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    for (int i = 0, count = partitions(name); i < count; i++)
        rd_kafka_topic_partition_list_add(list, name, i)->offset = RD_KAFKA_OFFSET_END;
    rd_kafka_DeleteRecords_t *deletion = rd_kafka_DeleteRecords_new(list);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_DeleteRecords(client, &deletion, 1, NULL, queue);
    rd_kafka_event_t *event = wait_for(queue);
    const rd_kafka_topic_partition_list_t *done =
        rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));
    for (int i = 0; i < done->cnt; i++)
        if (done->elems[i].err) die("trim %s: %s", name, rd_kafka_err2str(done->elems[i].err));
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteRecords_destroy(deletion);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_destroy(queue);
}

int main(int argc, char **argv) {
    if (argc < 4) die("usage: topic create|ends|trim BROKERS NAME [KEY=VALUE…]");
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    conf_set(conf, "bootstrap.servers", argv[2]);
    char reason[256];
    client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (!client) die("%s", reason);
    if (strcmp(argv[1], "create") == 0)
        create(argv[3], argc - 4, argv + 4);
    else if (strcmp(argv[1], "ends") == 0)
        ends(argv[3]);
    else if (strcmp(argv[1], "trim") == 0)
        trim(argv[3]);
    else
        die("unknown command '%s'", argv[1]);
    rd_kafka_destroy(client);
    return 0;
}
