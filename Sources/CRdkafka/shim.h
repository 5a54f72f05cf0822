#pragma once
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

/* Swift cannot call variadic functions: this is the one that is needed, with its types.
 * The value is not copied; the headers are the library's when this succeeds. */
static inline rd_kafka_resp_err_t
fedgate_produce (rd_kafka_t *rk, const char *topic, const void *key, size_t key_size, const void *value, size_t value_size,
                 rd_kafka_headers_t *headers, void *opaque)
{
  return rd_kafka_producev (
    rk, RD_KAFKA_V_TOPIC (topic), RD_KAFKA_V_KEY ((void *) key, key_size), RD_KAFKA_V_VALUE ((void *) value, value_size),
    RD_KAFKA_V_HEADERS (headers), RD_KAFKA_V_OPAQUE (opaque), RD_KAFKA_V_END);
}
