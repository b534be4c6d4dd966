import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.StringSerializer;

/** Sends messages to quotastream: JSON lines on stdin, each to its topic. */
public class Produce {
    private static final Set<String> MONEY = Set.of("remittance", "reversal");

    public static void main(String[] args) throws Exception {
        String servers = System.getenv().getOrDefault("QUOTASTREAM_BOOTSTRAP_SERVERS", "localhost:9092");
        String prefix = System.getenv().getOrDefault("QUOTASTREAM_PREFIX", "");
        // Idempotent and acks=all are what a Java producer does unless told otherwise; said here so that it stays so.
        Map<String, Object> settings = Map.of("bootstrap.servers", servers, "acks", "all",
            "enable.idempotence", true, "compression.type", "lz4");
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            ObjectMapper json = new ObjectMapper();
            BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                JsonNode message = json.readTree(line);
                boolean isMoney = MONEY.contains(message.get("type").asText());
                String topic = prefix + (isMoney ? "remittances" : "policy-changes");
                String key = message.get(isMoney ? "group_id" : "policy_id").asText();
                sent.add(producer.send(new ProducerRecord<>(topic, key, line)));
            }
            for (Future<RecordMetadata> one : sent) {
                one.get(); // nothing is sent for certain before Kafka has said so; sending it again counts once
            }
        }
        System.out.println(sent.size() + " sent");
    }
}
