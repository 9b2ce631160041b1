/** Reads an XML property list (Apple's plist DTD, version 1.0) by its own grammar: what does not fit it throws. */
export type PlistValue = string | number | boolean | Buffer | PlistValue[] | { [key: string]: PlistValue };

type Token = Readonly<{ tag: string; text: string }>;

export function readPlist(xml: string): PlistValue {
  const head = /^<\?xml version="1\.0" encoding="UTF-8"\?>\s*<!DOCTYPE plist [^>]*>\s*<plist version="1\.0">/.exec(xml);
  if (head === null) throw new Error('This is no property list.');
  const tokens = tokensOf(xml.slice(head[0].length));
  const value = readValue(tokens);
  if (tokens.shift()?.tag !== '/plist' || tokens.length > 0) throw new Error('The list does not end where it should.');
  return value;
}

/** Each tag with the text after it; text where none belongs throws. */
function tokensOf(xml: string): Token[] {
  const tokens: Token[] = [];
  let rest = xml.trim();
  while (rest !== '') {
    const match = /^<(\/?[a-z]+\/?)>([^<]*)/.exec(rest);
    if (match === null) throw new Error(`Not understood: ${rest.slice(0, 40)}`);
    const [whole, tag = '', text = ''] = match;
    if (!/^(key|string|data|integer)$/.test(tag) && text.trim() !== '') throw new Error(`Text after <${tag}>.`);
    tokens.push({ tag, text });
    rest = rest.slice(whole.length);
  }
  return tokens;
}

function readValue(tokens: Token[]): PlistValue {
  const { tag, text } = tokens.shift() ?? { tag: 'nothing', text: '' };
  switch (tag) {
    case 'true/':
    case 'false/':
      return tag === 'true/';
    case 'dict':
      return readDict(tokens);
    case 'array': {
      const values: PlistValue[] = [];
      while (tokens[0]?.tag !== '/array') values.push(readValue(tokens));
      tokens.shift();
      return values;
    }
    case 'string':
    case 'integer':
    case 'data':
      end(tokens, tag);
      if (tag === 'integer') return Number(text);
      return tag === 'data' ? Buffer.from(text, 'base64') : unescapeXml(text);
    default:
      throw new Error(`A value was expected and not <${tag}>.`);
  }
}

function readDict(tokens: Token[]): { [key: string]: PlistValue } {
  const values: { [key: string]: PlistValue } = {};
  for (let key = tokens.shift(); key?.tag !== '/dict'; key = tokens.shift()) {
    if (key?.tag !== 'key') throw new Error(`A key was expected and not <${key?.tag}>.`);
    end(tokens, 'key');
    values[unescapeXml(key.text)] = readValue(tokens);
  }
  return values;
}

function end(tokens: Token[], tag: string): void {
  if (tokens.shift()?.tag !== `/${tag}`) throw new Error(`<${tag}> does not end.`);
}

function unescapeXml(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}
