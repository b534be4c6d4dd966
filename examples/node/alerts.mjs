// Prints alerts from the beginning and as they come, each once, and how many episodes are open after it.
import { Consumer, FetchIsolationLevels, MessagesStreamModes, stringDeserializers } from '@platformatic/kafka'

const prefix = process.env.QUOTASTREAM_PREFIX ?? ''
const closed = new Set(['resolved', 'lapsed', 'retracted'])
const consumer = new Consumer({
  clientId: 'example',
  groupId: `${prefix}subscriber-example-node`,
  bootstrapBrokers: (process.env.QUOTASTREAM_BOOTSTRAP_SERVERS ?? 'localhost:9092').split(','),
  deserializers: stringDeserializers
})
const stream = await consumer.consume({
  topics: [`${prefix}quota-alerts`],
  mode: MessagesStreamModes.EARLIEST, // each start reads it all: the newest message of each episode is all it takes
  isolationLevel: FetchIsolationLevels.READ_COMMITTED,
  autocommit: false
})
const newest = new Map() // the newest alert_id of each episode
const open = new Set()
for await (const { value } of stream) {
  const alert = JSON.parse(value)
  if (newest.get(alert.episode_id) === alert.alert_id) continue // a worker that crashed may say it again
  newest.set(alert.episode_id, alert.alert_id)
  if (closed.has(alert.transition)) open.delete(alert.episode_id)
  else open.add(alert.episode_id)
  console.log(`${alert.alert_id} ${alert.summary} (${open.size} open)`)
}
