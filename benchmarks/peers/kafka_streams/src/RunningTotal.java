import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.StringJoiner;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.ValueMapper;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.Stores;

/**
 * The Kafka Streams peer: a running total per group, and nothing else of quotastream's job.
 *
 * <p>As its documentation advises: the topic is keyed by group, so nothing is repartitioned; a persistent (RocksDB)
 * store with its cache, changelog and one thread; the parser reads the one field it needs. Duplicates are not sought,
 * nothing is validated beyond that, nothing is told.
 *
 * <p>Arguments: broker, topic, records to count, guarantee, state folder, file for the figures.
 */
public final class RunningTotal {
    private static final JsonFactory JSON = new JsonFactory();
    private static final List<String> MARKS = new ArrayList<>();
    private static final CountDownLatch DONE = new CountDownLatch(1);
    private static long count;

    private RunningTotal() {}

    public static void main(String[] args) throws Exception {
        long all = Long.parseLong(args[2]);
        Properties settings = settings(args[0], args[3], args[4]);
        try (KafkaStreams streams = new KafkaStreams(topology(args[1], value -> cents(value, all)), settings)) {
            streams.start();
            DONE.await();
            Files.writeString(Path.of(args[5]), figures(streams), StandardCharsets.UTF_8);
            streams.close(Duration.ofSeconds(20));
        }
    }

    /** Return the settings for a broker, a guarantee and a state folder, whose parent's name is the application's. */
    static Properties settings(String broker, String guarantee, String state) {
        String name = "peer-" + Path.of(state).getParent().getFileName();
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, name);
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, broker);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, guarantee);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, state);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        // As advised where an application starts again: else it waits until its former self is given up.
        settings.put(StreamsConfig.consumerPrefix("group.instance.id"), name);
        settings.put(StreamsConfig.producerPrefix("compression.type"), "lz4");
        return settings;
    }

    /** Return the running total per group of a topic, with what makes an amount of a record. */
    static Topology topology(String topic, ValueMapper<byte[], Long> amount) {
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(topic, Consumed.with(Serdes.String(), Serdes.ByteArray()))
                .mapValues(amount)
                .groupByKey(Grouped.with(Serdes.String(), Serdes.Long()))
                .reduce(Long::sum, Materialized.<String, Long>as(
                        Stores.persistentKeyValueStore("totals"))
                        .withKeySerde(Serdes.String()).withValueSerde(Serdes.Long()));
        return builder.build();
    }

    private static long cents(byte[] value, long all) {
        if (count == 0) {
            MARKS.add(mark());
        }
        count++;
        if (count == all / 2) {
            MARKS.add(mark());
        }
        if (count == all) {
            MARKS.add(mark());
            DONE.countDown();
        }
        return amount(value);
    }

    /** Return a remittance's amount in cents. */
    static long amount(byte[] value) {
        try (JsonParser parser = JSON.createParser(value)) {
            while (parser.nextToken() != null) {
                if (parser.currentToken() == JsonToken.FIELD_NAME && "amount".equals(parser.currentName())) {
                    parser.nextToken();
                    return new BigDecimal(parser.getText()).movePointRight(2).longValueExact();
                }
            }
        } catch (IOException error) {
            throw new IllegalArgumentException(error);
        }
        throw new IllegalArgumentException("no amount");
    }

    /** Return the seconds of the monotonic clock and of the CPU, all threads together. */
    static String mark() {
        var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return "[" + System.nanoTime() / 1e9 + "," + system.getProcessCpuTime() / 1e9 + "]";
    }

    private static String figures(KafkaStreams streams) throws InterruptedException {
        return "{\"marks\":[" + String.join(",", MARKS) + "],\"totals\":" + totals(streams) + "}";
    }

    /** Return the totals as JSON. */
    static String totals(KafkaStreams streams) throws InterruptedException {
        Thread.sleep(500); // the last record is counted a moment after it was parsed
        var store = streams.store(
                StoreQueryParameters.fromNameAndType("totals", QueryableStoreTypes.<String, Long>keyValueStore()));
        StringJoiner totals = new StringJoiner(",", "{", "}");
        try (var rows = store.all()) {
            rows.forEachRemaining(row -> totals.add("\"" + row.key + "\":" + row.value));
        }
        return totals.toString();
    }
}
