import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Prints alerts from the beginning and as they come, each once, and how many episodes are open after it. */
public class Alerts {
    private static final Set<String> CLOSED = Set.of("resolved", "lapsed", "retracted");

    public static void main(String[] args) throws Exception {
        String servers = System.getenv().getOrDefault("QUOTASTREAM_BOOTSTRAP_SERVERS", "localhost:9092");
        String topic = System.getenv().getOrDefault("QUOTASTREAM_PREFIX", "") + "quota-alerts";
        Map<String, Object> settings = Map.of("bootstrap.servers", servers, "isolation.level", "read_committed",
            "enable.auto.commit", false, "auto.offset.reset", "earliest");
        ObjectMapper json = new ObjectMapper();
        Map<String, String> newest = new HashMap<>(); // the newest alert_id of each episode
        Set<String> open = new HashSet<>();
        try (KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            List<TopicPartition> partitions = consumer.partitionsFor(topic).stream()
                .map(info -> new TopicPartition(topic, info.partition())).toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            while (true) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofSeconds(1))) {
                    JsonNode alert = json.readTree(record.value());
                    String episode = alert.get("episode_id").asText();
                    String id = alert.get("alert_id").asText();
                    if (id.equals(newest.put(episode, id))) {
                        continue; // a worker that crashed may say it again
                    }
                    if (CLOSED.contains(alert.get("transition").asText())) {
                        open.remove(episode);
                    } else {
                        open.add(episode);
                    }
                    System.out.printf("%s %s (%d open)%n", id, alert.get("summary").asText(), open.size());
                }
            }
        }
    }
}
