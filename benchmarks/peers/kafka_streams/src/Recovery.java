import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.processor.StateRestoreListener;

/**
 * The Kafka Streams peer for recovery: RunningTotal once more, with the state folder that it left or without one.
 *
 * <p>Notes when the first store began to be restored from its changelog, when the last was done, and when the first new
 * record was processed; ends once it runs and has processed as many as it is told to wait for.
 *
 * <p>Arguments: broker, topic, new records to wait for, guarantee, state folder, file for the figures.
 */
public final class Recovery {
    private static final String NEVER = "null";

    private Recovery() {}

    public static void main(String[] args) throws Exception {
        int wanted = Integer.parseInt(args[2]);
        Properties settings = RunningTotal.settings(args[0], args[3], args[4]);
        // Restores a tenth faster with it than with the default of 1,000.
        settings.put(StreamsConfig.restoreConsumerPrefix("max.poll.records"), 50_000);
        CountDownLatch processed = new CountDownLatch(wanted);
        CountDownLatch runs = new CountDownLatch(1);
        Restoring restoring = new Restoring();
        String[] first = {NEVER};

        try (KafkaStreams streams = new KafkaStreams(RunningTotal.topology(args[1], value -> {
            if (processed.getCount() == wanted) {
                first[0] = RunningTotal.mark();
            }
            processed.countDown();
            return RunningTotal.amount(value);
        }), settings)) {
            streams.setGlobalStateRestoreListener(restoring);
            streams.setStateListener((now, before) -> {
                if (now == KafkaStreams.State.RUNNING) {
                    runs.countDown();
                }
            });
            streams.start();
            runs.await();
            processed.await();
            Files.writeString(Path.of(args[5]), "{" + restoring.figures() + ",\"first\":" + first[0]
                    + ",\"totals\":" + RunningTotal.totals(streams) + "}", StandardCharsets.UTF_8);
            streams.close(Duration.ofSeconds(20));
        }
    }

    /** Adds up what is restored, from the first store's beginning to the last one's end. */
    private static final class Restoring implements StateRestoreListener {
        private String begun = NEVER;
        private String done = NEVER;
        private long records;

        @Override
        public synchronized void onRestoreStart(TopicPartition changelog, String store, long from, long to) {
            if (begun.equals(NEVER)) {
                begun = RunningTotal.mark();
            }
        }

        @Override
        public void onBatchRestored(TopicPartition changelog, String store, long to, long count) {
            // Only the whole counts.
        }

        @Override
        public synchronized void onRestoreEnd(TopicPartition changelog, String store, long total) {
            records += total;
            done = RunningTotal.mark();
        }

        synchronized String figures() {
            return "\"restored\":" + records + ",\"marks\":[" + begun + "," + done + "]";
        }
    }
}
