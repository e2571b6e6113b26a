import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { createSecureContext, type ConnectionOptions } from 'node:tls';
import { Problem } from '../support/problem.ts';
import type { ConnectionTarget, TlsPolicy } from './database.ts';

/** Every `sslmode`, from the weakest. */
export const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;

/** One way to begin a connection: without TLS, with it where the server offers it, or not without it. */
export type Encryption = 'plain' | 'offered' | 'required';

/** The connection string's `ssl*` parameters; the last three are names of PEM files, or `system` for the first of them. */
type TlsSettings = {
  readonly sslmode: TlsPolicy['mode'];
  readonly sslrootcert?: string | undefined;
  readonly sslcert?: string | undefined;
  readonly sslkey?: string | undefined;
};

/**
 * Reads the files that the `ssl*` parameters name; throws `connection-invalid` with file and parameter where one
 * cannot be read or used. Unlike libpq it knows no default files (`~/.postgresql/root.crt`): a runner has none, and
 * one that happens to lie about must not decide whom to trust.
 */
export function readTlsPolicy(settings: TlsSettings): TlsPolicy {
  const { sslmode, sslrootcert, sslcert, sslkey } = settings;
  if (sslrootcert === 'system' && sslmode !== 'verify-full') {
    throw new Problem('connection-invalid', `sslrootcert=system cannot go with sslmode=${sslmode}`, {
      hint: 'Anyone can get a certificate for some name from a public authority: write sslmode=verify-full.',
    });
  }
  if ((sslcert === undefined) !== (sslkey === undefined)) {
    throw new Problem('connection-invalid', 'sslcert and sslkey only work together', {
      hint: 'Give both, or neither.',
    });
  }
  const policy: TlsPolicy = {
    mode: sslmode,
    rootCertificates:
      sslrootcert === 'system'
        ? 'system'
        : readPem('sslrootcert', sslrootcert, (pem) => new X509Certificate(pem)),
    clientCertificate: readPem('sslcert', sslcert, (pem) => new X509Certificate(pem)),
    clientKey: readPem('sslkey', sslkey, (pem) => createPrivateKey(pem)),
  };
  checkKeyFits(policy, settings);
  return policy;
}

/** The ways to try, in order, as libpq does for each mode. A Unix socket is never encrypted: it leaves no machine. */
export function encryptionsFor({ host, tls }: ConnectionTarget): readonly [Encryption, Encryption?] {
  if (host.startsWith('/') || tls.mode === 'disable') return ['plain'];
  if (tls.mode === 'allow') return ['plain', 'required'];
  if (tls.mode === 'prefer') return ['offered', 'plain'];
  return ['required'];
}

/**
 * Node's options for the handshake, with libpq's meaning of the modes:
 *
 * - `verify-full` checks the certificate's chain and its name, `verify-ca` the chain alone;
 * - `allow`, `prefer` and `require` check nothing, or the chain where roots are given.
 *
 * Without given roots `verify-*` trusts what Node trusts (its own list, and NODE_EXTRA_CA_CERTS), where libpq would
 * refuse to go on: most managed servers have a certificate of a public authority.
 */
export function tlsOptions({ host, tls }: ConnectionTarget): ConnectionOptions {
  const { mode, rootCertificates, clientCertificate, clientKey } = tls;
  const given = rootCertificates === 'system' ? undefined : rootCertificates;
  return {
    // Said each time, or NODE_TLS_REJECT_UNAUTHORIZED=0 would decide.
    rejectUnauthorized: mode === 'verify-full' || mode === 'verify-ca' || given !== undefined,
    host,
    // An address must not be sent as a server name (RFC 6066, section 3).
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(mode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
    ...(given === undefined ? {} : { ca: given }),
    ...(clientCertificate === undefined ? {} : { cert: clientCertificate }),
    ...(clientKey === undefined ? {} : { key: clientKey }),
  };
}

function readPem(parameter: string, file: string | undefined, parse: (pem: string) => unknown) {
  if (file === undefined) return undefined;
  let pem: string;
  try {
    pem = readFileSync(file, 'utf8');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    throw new Problem('connection-invalid', `${parameter}: cannot read '${file}' (${reason})`, {
      hint: 'Name a file on the machine that runs Rowgate; in a workflow an earlier step can write it from a secret.',
      cause,
    });
  }
  try {
    parse(pem);
  } catch (cause) {
    const content = parameter === 'sslkey' ? 'private key without a password' : 'certificate';
    throw new Problem('connection-invalid', `${parameter}: '${file}' holds no PEM ${content}`, {
      hint: 'Its first line should be -----BEGIN …-----; a secret may have lost its line breaks.',
      cause,
    });
  }
  return pem;
}

function checkKeyFits({ clientCertificate, clientKey }: TlsPolicy, { sslcert, sslkey }: TlsSettings) {
  try {
    createSecureContext({ cert: clientCertificate, key: clientKey });
  } catch (cause) {
    throw new Problem('connection-invalid', `sslkey: '${sslkey}' is not the key of sslcert '${sslcert}'`, {
      hint: 'Name the two files that were made together.',
      cause,
    });
  }
}
