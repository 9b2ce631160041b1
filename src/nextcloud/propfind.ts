/**
 * Reads the body of a PROPFIND (RFC 4918, section 14.20): which properties are asked for. The body comes from a stranger:
 * no document type and so no entities of its own, a few levels, a bounded number of names.
 */
import { SaxesParser, type SaxesTagNS } from 'saxes';
import { CodedError } from '../platform/errors.ts';

export type PropertyName = Readonly<{ namespace: string; name: string }>;
/** `all`: every property that the box knows; `names`: the same without values. */
export type Asked = Readonly<{ kind: 'all' | 'names' } | { kind: 'some'; properties: readonly PropertyName[] }>;

export const davNamespace = 'DAV:';
const depthMax = 8;
const propertiesMax = 128;
const nameCharsMax = 256;

/** @throws {CodedError} `invalid-request`. An empty body asks for all (RFC 4918, section 9.1). */
export function readPropfind(body: Buffer): Asked {
  if (body.length === 0) return { kind: 'all' };
  const reader = new PropfindReader();
  try {
    reader.parser.write(new TextDecoder('utf-8', { fatal: true }).decode(body)).close();
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw invalid('it is not well-formed XML');
  }
  return reader.asked();
}

class PropfindReader {
  readonly parser = new SaxesParser({ xmlns: true, position: false });
  readonly #open: string[] = [];
  readonly #properties = new Map<string, PropertyName>();
  #kind: 'all' | 'names' | 'some' | undefined;

  constructor() {
    this.parser.on('error', (error) => {
      throw error;
    });
    this.parser.on('doctype', () => {
      throw invalid('it has a document type');
    });
    this.parser.on('opentag', (tag) => this.#opened(tag));
    this.parser.on('closetag', () => void this.#open.pop());
  }

  asked(): Asked {
    if (this.#kind === undefined) throw invalid('it asks for nothing');
    return this.#kind === 'some' ? { kind: 'some', properties: [...this.#properties.values()] } : { kind: this.#kind };
  }

  #opened({ uri, local }: SaxesTagNS): void {
    const name = `${uri} ${local}`;
    const [root, asks] = this.#open;
    if (this.#open.length >= depthMax) throw invalid('it is nested too deep');
    if (root === undefined && name !== `${davNamespace} propfind`) throw invalid('it is no propfind');
    if (this.#open.length === 1) this.#ask(name);
    if (this.#open.length === 2 && asks === `${davNamespace} prop`) this.#add({ namespace: uri, name: local });
    this.#open.push(name);
  }

  #ask(name: string): void {
    const kinds = { [`${davNamespace} allprop`]: 'all', [`${davNamespace} propname`]: 'names' } as const;
    const kind = name === `${davNamespace} prop` ? 'some' : kinds[name as keyof typeof kinds];
    // What is not known here may be there (RFC 4918, section 17), but not two questions at once.
    if (kind === undefined) return;
    if (this.#kind !== undefined) throw invalid('it asks twice');
    this.#kind = kind;
  }

  #add(property: PropertyName): void {
    if (property.name.length + property.namespace.length > nameCharsMax) throw invalid('a name is too long');
    this.#properties.set(`${property.namespace} ${property.name}`, property);
    if (this.#properties.size > propertiesMax) throw invalid(`it asks for more than ${propertiesMax} properties`);
  }
}

function invalid(what: string): CodedError {
  return new CodedError('invalid-request', `The body of this request cannot be read: ${what}. Nothing was changed.`);
}
