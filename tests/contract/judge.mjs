// Holds messages against the published schemas with ajv: a line [schema's name, JSON text] in, a line true or false out.
import { readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import addFormats from 'ajv-formats'
import { Ajv2020 } from 'ajv/dist/2020.js'

const folder = process.argv[2]
// Strict but for types and required: rules beside a field's own speak of fields whose type is said elsewhere.
const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false })
addFormats.default(ajv)
const judges = new Map()
for (const file of readdirSync(folder)) {
  const [name] = file.split('.')
  if (file.endsWith('.schema.json')) {
    judges.set(name, ajv.compile(JSON.parse(readFileSync(`${folder}/${file}`, 'utf-8'))))
  }
}
console.log('ready')
for await (const line of createInterface({ input: process.stdin })) {
  const [name, text] = JSON.parse(line)
  console.log(judges.get(name)(JSON.parse(text)))
}
