// Reads an AsyncAPI document with the official parser; prints what it has to say of it, one JSON object.
import { readFileSync } from 'node:fs'
import { Parser } from '@asyncapi/parser'

const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], 'utf-8'))
console.log(
  JSON.stringify({
    version: document?.version(),
    channels: document?.allChannels().map((channel) => channel.address()) ?? [],
    messages: document?.allMessages().map((message) => message.id()) ?? [],
    diagnostics: diagnostics.map(({ code, message, path }) => `${path.join('/')}: ${message} (${code})`)
  })
)
