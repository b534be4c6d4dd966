// Sends messages to quotastream: JSON lines on stdin, each to its topic.
import { createInterface } from 'node:readline'
import { ProduceAcks, Producer, stringSerializers } from '@platformatic/kafka'

const prefix = process.env.QUOTASTREAM_PREFIX ?? ''
const money = new Set(['remittance', 'reversal'])
const producer = new Producer({
  clientId: 'example',
  bootstrapBrokers: (process.env.QUOTASTREAM_BOOTSTRAP_SERVERS ?? 'localhost:9092').split(','),
  serializers: stringSerializers,
  idempotent: true,
  acks: ProduceAcks.ALL
})
const messages = []
for await (const value of createInterface({ input: process.stdin })) {
  const message = JSON.parse(value)
  const isMoney = money.has(message.type)
  messages.push({
    topic: prefix + (isMoney ? 'remittances' : 'policy-changes'),
    key: isMoney ? message.group_id : message.policy_id,
    value
  })
}
await producer.send({ messages }) // resolves once Kafka has it all; sending it again counts once
await producer.close()
console.log(`${messages.length} sent`)
