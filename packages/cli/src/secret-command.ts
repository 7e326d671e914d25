import { randomBytes } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { CliIo } from './cli-io.ts'
import { CommandError } from './command-error.ts'
import { WrongUsageError } from './wrong-usage-error.ts'

/** 256 bits: nothing that could be guessed. */
const SECRET_BYTES = 32

interface SecretOptions {
  readonly file?: string
  readonly rotate?: boolean
  readonly retire?: boolean
}

/** `layermesh secret`: makes a secret for a cluster, and replaces one in its file. */
export function addSecretCommand(program: Command, io: CliIo): void {
  program
    .command('secret')
    .description('make a secret for a cluster, or replace the one in a file')
    .option('--file <file>', 'write it to a new file that its owner alone can read')
    .option('--rotate', 'put a new secret into --file and keep the one before, so that both count')
    .option('--retire', 'drop the older of the two secrets in --file')
    .addHelpText(
      'after',
      `
Examples:
  layermesh secret --file /etc/layermesh/secret             a first secret; copy the file to every node
  layermesh secret --file /etc/layermesh/secret --rotate    a new one beside it; copy the file to every node
  layermesh secret --file /etc/layermesh/secret --retire    once every node has both; copy it again
  layermesh secret                                          print one, for a Kubernetes secret

Running nodes read the file again when it changes; no member is lost.`,
    )
    .action(async (options: SecretOptions) => {
      io.stdout.write(await runSecret(options))
    })
}

async function runSecret({ file, rotate, retire }: SecretOptions): Promise<string> {
  const secret = randomBytes(SECRET_BYTES).toString('base64url')
  if (file === undefined) {
    if (rotate || retire) throw new WrongUsageError('--rotate and --retire need --file FILE')
    return `${secret}\n`
  }
  if (rotate && retire)
    throw new WrongUsageError(
      '--rotate and --retire are two steps: every node has to have both secrets in between',
    )
  if (!rotate && !retire) return create(file, secret)
  const secrets = await readSecrets(file)
  if (rotate)
    return replace(
      file,
      [secret, ...secrets.slice(0, 1)],
      'has a new secret and the one before: copy it to every node',
    )
  if (secrets.length < 2) throw new CommandError(`${file} holds one secret: there is none to drop`)
  return replace(file, secrets.slice(0, 1), 'has the new secret alone: copy it to every node')
}

async function create(file: string, secret: string): Promise<string> {
  try {
    await writeFile(file, `${secret}\n`, { mode: 0o600, flag: 'wx' })
  } catch (cause) {
    throw new CommandError(`${file} can not be made (${reasonOf(cause)})`, { cause })
  }
  return `${file} has a secret: copy it to every node, and name it in mesh.secretFile\n`
}

async function readSecrets(file: string): Promise<readonly string[]> {
  try {
    const lines = (await readFile(file, 'utf8')).split('\n').map((line) => line.trim())
    const secrets = lines.filter((line) => line !== '')
    if (secrets.length > 0) return secrets
  } catch (cause) {
    throw new CommandError(`${file} can not be read (${reasonOf(cause)})`, { cause })
  }
  throw new CommandError(`${file} holds no secret`)
}

/** A node may read the file at any moment: it sees it as it was or as it will be. */
async function replace(file: string, secrets: readonly string[], outcome: string): Promise<string> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}`
  try {
    await writeFile(temporary, `${secrets.join('\n')}\n`, { mode: 0o600, flag: 'wx' })
    await rename(temporary, file)
  } catch (cause) {
    throw new CommandError(`${file} can not be written (${reasonOf(cause)})`, { cause })
  } finally {
    await rm(temporary, { force: true })
  }
  return `${file} ${outcome}\n`
}

function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error)
}
