"""Every way in which a page makes a browser ask somebody: without the gate it is asked, held it is not, woken it is.

Each vector is served three times to a real Chromium. Its addresses are of a host of its own, so that what the third
parties' server hears can be told apart. That nobody was asked is believed only when a twin that is not held, the same
markup with another host after it in the same page, has asked.
"""

from __future__ import annotations

import itertools
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from servers import PATIENCE, Outside, Quiet, serving, wait_until
from werkzeug.serving import make_server

from consent.gate.walk import TAG_CAP
from consent.wsgi import ConsentMiddleware

pytestmark = pytest.mark.browser


class Vector(NamedTuple):
    """One way to ask. ``{host}`` in its texts is the host that is asked, ``{id}`` a word that no other page has.

    ``page``: what stands in the page's body; a whole page if it begins with ``<html``. ``head``: in its head.
    ``wakes``: whether the page that is there asks after the visitor agreed; else the next one does.
    ``click``: what is clicked once the page is there. ``twin``: whether there can be two in one page.
    ``leaves``: whether it takes the visitor elsewhere by itself. ``kind``: its media type. ``coded``: as what the page
    is encoded; ``charset``: as what it is declared, None for not at all.
    """

    name: str
    page: str = ""
    head: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    wakes: bool = True
    click: str = ""
    twin: bool = True
    leaves: bool = False
    kind: str = "text/html"
    coded: str = "utf-8"
    charset: str | None = "utf-8"


_ASK = "fetch('https://{host}/a.gif')"
_SVG = "<svg width=50 height=50>{}</svg>".format

SCRIPTS = [
    Vector("script src", "<script src=https://{host}/a.js></script>"),
    Vector("script src async", "<script async src=https://{host}/a.js></script>"),
    Vector("script src defer", "<script defer src=https://{host}/a.js></script>"),
    Vector("script src in head", head="<script src=https://{host}/a.js></script>"),
    Vector("module src", "<script type=module src=https://{host}/a.js></script>"),
    Vector("inline", f"<script>{_ASK}</script>"),
    Vector("inline that builds a tag", "<script>new Image().src = 'https:\\/\\/{host}/a.gif'</script>"),
    Vector("inline marked", "<script data-purpose={purpose}>fetch(atob('{base64}'))</script>", twin=False),
    Vector("inline module", f"<script type=module>{_ASK}</script>"),
    Vector("inline module that imports", "<script type=module>import 'https://{host}/a.js'</script>"),
    Vector("dynamic import", "<script>import('https://{host}/a.js')</script>"),
    Vector("import of data:", "<script type=module>import 'data:text/javascript;base64,{code}'</script>"),
    Vector("import of data: that imports", "<script type=module>import \"data:text/javascript,import 'https:%2f/{host}/a.js'\"</script>"),
    Vector("import with line ends", "<script>import(`ht\ntps:/\n/{host}/a.js`)</script>"),
    Vector("import map", '<script type=importmap>{"imports":{"{id}":"https://{host}/a.js"}}</script>'
           "<script type=module data-purpose={purpose}>import '{id}'</script>", twin=False),
    Vector("import map for a script that is not held",
           '<script type=importmap>{"imports":{"{id}":"https://{host}/a.js"}}</script><script type=module>import "{id}"</script>',
           wakes=False, twin=False),
    Vector("script of svg href", _SVG("<script href=https://{host}/a.js></script>")),
    Vector("script of svg xlink:href", _SVG("<script xlink:href=https://{host}/a.js></script>")),
    Vector("script of svg inline", _SVG("<script>&#102;etch('https:&#47;/{host}/a.gif')</script>")),
    Vector("script that says that it is a picture", "<script src='data:image/png;base64,{code}'></script>"),
    Vector("script of svg split by a comment", _SVG("<script>fetch('https://{id}.sta<!-- -->ts.example/a.gif')</script>"), twin=False),
    Vector("script of svg split by an element", _SVG("<script>fetch('https://{id}.sta<g>x</g>ts.example/a.gif')</script>"), twin=False),
    Vector("type and a wide space", "<script type='text/javascript\u2003' src=https://{host}/a.js></script>"),
    Vector("script with a comma in its host", "<script>fetch('https://a,b.{host}/a.gif')</script>"),
    Vector("web bundle", '<script type=webbundle>{"source":"https://{host}/a","resources":["https://{host}/a"]}</script>'),
    Vector("speculation rules", '<script type=speculationrules>{"prefetch":[{"urls":["https://{host}/a"],"eagerness":"immediate"}]}</script>'),
]  # fmt: skip
FRAMES = [
    Vector("iframe src", "<iframe src=https://{host}/embed/a></iframe>"),
    Vector("iframe lazy", "<iframe loading=lazy src=https://{host}/embed/a></iframe>"),
    Vector("iframe srcdoc", "<iframe srcdoc='<img src=https://{host}/a.gif>'></iframe>"),
    Vector("iframe srcdoc script", f'<iframe srcdoc="<script>{_ASK}</script>"></iframe>'),
    Vector("iframe srcdoc in srcdoc", "<iframe srcdoc='<iframe srcdoc=&quot;<img src=https://{host}/a.gif>&quot;></iframe>'></iframe>"),
    Vector("iframe javascript:", "<iframe src=\"javascript:'<img src=https://{host}/a.gif>'\"></iframe>"),
    Vector("iframe data:", "<iframe src='data:text/html,<img src=https://{host}/a.gif>'></iframe>"),
    Vector("iframe data: in base64", "<iframe src='data:text/html;base64,{page}'></iframe>"),
    Vector("iframe data: in UTF-16", "<iframe src='data:text/html;charset=utf-16le;base64,{wide}'></iframe>"),
    Vector("iframe data: in iframe data:",
           "<iframe src=\"data:text/html,<iframe src='data:text/html;base64,{page}'></iframe>\"></iframe>"),
    Vector("frame", "<html><frameset cols=*><frame src=https://{host}/embed/a></frameset></html>", twin=False),
    Vector("object", "<object data=https://{host}/a.svg type=image/svg+xml></object>"),
    Vector("embed", "<embed src=https://{host}/a.svg type=image/svg+xml>"),
]  # fmt: skip
IMAGES = [
    Vector("img src", "<img src=https://{host}/a.gif>"),
    Vector("img lazy", "<img loading=lazy src=https://{host}/a.gif>"),
    Vector("img srcset", "<img srcset='https://{host}/a.gif 1x, https://{host}/b.gif 2x'>"),
    Vector("picture source", "<picture><source srcset=https://{host}/a.gif><img src=/own.gif></picture>"),
    Vector("image is img", "<image src=https://{host}/a.gif>"),
    Vector("image input", "<input type=image src=https://{host}/a.gif>"),
    Vector("video src", "<video src=https://{host}/a.webm></video>"),
    Vector("video source", "<video><source src=https://{host}/a.webm></video>"),
    Vector("video poster", "<video poster=https://{host}/a.gif></video>"),
    Vector("audio", "<audio preload=auto src=https://{host}/a.ogg></audio>"),
    Vector("audio source", "<audio preload=auto><source src=https://{host}/a.ogg></audio>"),
    Vector("track", "<video crossorigin src=/own.webm><track default kind=subtitles src=https://{host}/a.vtt></video>"),
    Vector("svg image href", _SVG("<image href=https://{host}/a.gif width=9 height=9 />")),
    Vector("svg image xlink:href", _SVG("<image xlink:href=https://{host}/a.gif width=9 height=9 />")),
    Vector("svg feImage", _SVG("<filter id={id}><feImage href=https://{host}/a.gif /></filter><rect filter=url(#{id}) width=9 height=9 />")),
    Vector("svg set", _SVG("<image width=9 height=9><set attributeName=href to=https://{host}/a.gif /></image>")),
    Vector("svg animate", _SVG("<image width=9 height=9><animate attributeName=href values='https://{host}/a.gif;https://{host}/a.gif' dur=9s /></image>")),
    Vector("svg animate of a painted attribute",
           _SVG("<rect width=9 height=9><animate attributeName=mask values='url(https://{host}/a.svg#x);url(https://{host}/a.svg#y)' dur=9s /></rect>")),
    Vector("body background", "<html><body background=https://{host}/a.gif>x", twin=False),
    Vector("table background", "<table background=https://{host}/a.gif><tr><td>x</table>"),
    Vector("cell background", "<table><tr><td background=https://{host}/a.gif>x</table>"),
    Vector("in MathML", "<math><mtext><img src=https://{host}/a.gif></mtext></math>"),
    Vector("breaking out of MathML", "<math><mi><p><img src=https://{host}/a.gif></math>"),
    Vector("in foreignObject", _SVG("<foreignObject><img src=https://{host}/a.gif></foreignObject>")),
    Vector("declarative shadow root", "<div><template shadowrootmode=open><img src=https://{host}/a.gif></template></div>"),
    Vector("closed declarative shadow root", "<div><template shadowrootmode=closed><img src=https://{host}/a.gif></template></div>", wakes=False),
    Vector("template that a script uses", "<template id={id}><img src=https://{host}/a.gif></template><button class={id}>x</button>"
           "<script>document.querySelector('button.{id}').onclick = () => document.body.append(document.getElementById('{id}').content.cloneNode(true))</script>",
           click="button.{id}", twin=False),
]  # fmt: skip
LINKS = [
    Vector("stylesheet", head="<link rel=stylesheet href=https://{host}/a.css>"),
    Vector("alternate stylesheet", head="<link rel='alternate stylesheet' title=x href=https://{host}/a.css>"),
    Vector("preload", head="<link rel=preload as=image href=https://{host}/a.gif>"),
    Vector("preload imagesrcset", head="<link rel=preload as=image imagesrcset='https://{host}/a.gif 1x'>"),
    Vector("prefetch", head="<link rel=prefetch href=https://{host}/a.gif>"),
    Vector("modulepreload", head="<link rel=modulepreload href=https://{host}/a.js>"),
    Vector("icon", head="<link rel=icon href=https://{host}/a.gif>", twin=False),
    Vector("link in body", "<link rel=stylesheet href=https://{host}/a.css>"),
]  # fmt: skip
STYLES = [
    Vector("style url", "<style>.{id} { background: url(https://{host}/a.gif) }</style><p class={id}>x"),
    Vector("style escaped", r"<style>.{id} { background: url(https:\2f\2f {host}/a.gif) }</style><p class={id}>x"),
    Vector("style @import", "<style>@import 'https://{host}/a.css';</style>"),
    Vector("style of svg split by a comment", _SVG("<style>@import 'https://{id}.sta<!-- -->ts.example/a.css';</style>"), twin=False),
    Vector("style @import with NUL", "<style>@import 'https://{id}.sta\0ts.example/a.css';</style>", wakes=False, twin=False),
    Vector("style with a comma in its host", "<style>.{id} { background: url('https://a,b.{host}/a.gif') }</style><p class={id}>x"),
    Vector("style @import url", "<style>@import url(https://{host}/a.css);</style>"),
    Vector("style image-set", "<style>.{id} { background: image-set('https://{host}/a.gif' 1x) }</style><p class={id}>x"),
    Vector("style font-face", "<style>@font-face { font-family: {id}; src: url(https://{host}/a.woff2) } .{id} { font-family: {id} }</style><p class={id}>x"),
    Vector("style cursor, list, border", "<style>.{id} { list-style-image: url(https://{host}/a.gif) }</style><ul><li class={id}>x</ul>"),
    Vector("style of svg", _SVG("<style>.{id} { fill: red; background: url(https://{host}/a.gif) }</style>") + "<p class={id}>x"),
    Vector("custom property", "<style>.{id} { --a: url(https://{host}/a.gif); background: var(--a) }</style><p class={id}>x"),
    Vector("style attribute", "<p style='background: url(https://{host}/a.gif)'>x"),
    Vector("style attribute image-set", "<p style='background: image-set(&quot;https://{host}/a.gif&quot; 1x)'>x"),
    Vector("custom property attribute", "<p style='--a: url(https://{host}/a.gif)'><b style='background: var(--a)'>x</b>"),
    Vector("painted attribute", _SVG("<mask id=own></mask><rect width=9 height=9 mask=url(https://{host}/a.svg#a) />")),
]  # fmt: skip
DEEDS = [
    Vector("ping", "<a id={id} href=#x ping=https://{host}/a>x</a>", click="[id={id}]", twin=False),
    Vector("form action marked", "<form data-purpose={purpose} action=https://{host}/a><button id={id}>x</button></form>",
           click="[id={id}]", twin=False),
    Vector("formaction marked", "<form><button id={id} data-purpose={purpose} formaction=https://{host}/a>x</button></form>",
           click="[id={id}]", twin=False),
    Vector("javascript: link", f'<a id={{id}} href="javascript:void {_ASK}">x</a>', click="[id={id}]", twin=False),
    Vector("javascript: form", f'<form action="javascript:void {_ASK}"><button id={{id}}>x</button></form>', click="[id={id}]", twin=False),
    Vector("meta refresh", head="<meta http-equiv=refresh content='0;url=https://{host}/embed/a'>", twin=False, leaves=True),
    Vector("meta refresh with quotes in quotes", head="<meta http-equiv=refresh content=\"0;url='https://x'.{host}/embed/a'\">", twin=False, leaves=True),
    Vector("javascript: link to a document", "<a id={id} href=\"javascript:'<img src=https:\\x2f\\x2f{host}/a.gif>'\">x</a>", click="[id={id}]", twin=False),
    Vector("meta refresh without a name", head="<meta http-equiv=refresh content='0; //{host}/embed/a'>", twin=False, leaves=True),
    Vector("base", head="<base href=https://{host}/x/>", page="<img src=a.gif>", twin=False, wakes=False),
    Vector("handler onload of body", f"<html><body onload=\"{_ASK}\">x", twin=False, wakes=False),
    Vector("handler onerror", f'<img src=data:, onerror="{_ASK}">'),
    Vector("handler onerror of a held image", f'<img data-purpose={{purpose}} src=data:, onerror="{_ASK}">', twin=False),
    Vector("handler ontoggle", f'<details open ontoggle="{_ASK}">x</details>', wakes=False),
    Vector("handler onload of svg", f'<svg onload="{_ASK}"></svg>', wakes=False),
    Vector("handler onclick", f'<button id={{id}} onclick="{_ASK}">x</button>', click="[id={id}]", twin=False),
    Vector("handler with references", '<button id={id} onclick="fetch(&#39;https:&sol;/{host}/a.gif&#39;)">x</button>', click="[id={id}]", twin=False),
]  # fmt: skip
HEADERS = [
    Vector("Link: preload", headers=(("Link", "<https://{host}/a.gif>; rel=preload; as=image"),), wakes=False),
    Vector("Link: preload imagesrcset",
           headers=(("Link", '<https://127.0.0.1/own.gif>; rel=preload; as=image; imagesrcset="https://{host}/a.gif 1x"'),), wakes=False),
    Vector("Link: relation with a quoted character", headers=(("Link", r'<https://{host}/a.gif>; rel="pre\load"; as=image'),), wakes=False),
    Vector("Link: title with brackets", headers=(("Link", '<https://{host}/a.gif>; title=">,<"; rel=preload; as=image'),), wakes=False),
    Vector("Link: modulepreload", headers=(("Link", "<https://{host}/a.js>; rel=modulepreload"),), wakes=False),
    Vector("Refresh:", headers=(("Refresh", "0;url=https://{host}/embed/a"),), wakes=False, twin=False, leaves=True),
]  # fmt: skip
_SPELT = [
    "//{host}/a.gif",
    "HTTPS://{HOST}/A.GIF",
    "https:{host}/a.gif",
    "https:/{host}/a.gif",
    "https:////{host}/a.gif",
    "https:\\\\{host}\\a.gif",
    "\\\\{host}/a.gif",
    "/\\{host}/a.gif",
    "//{host}:443/a.gif",
    "https://{host}:8443/a.gif",
    "//{host}:/a.gif",
    "//{host}./a.gif",
    "//{host}?a.gif",
    " \n//{host}/a.gif\n ",
    "\x01\x1f//{host}/a.gif",
    "/\t/{host}/a.gif",
    "ht\ntps://{id}.sta\rts.exam\tple/a.gif",
    "&#x2F;&#47;{host}/a.gif",
    "&sol;&sol;{id}.stats&period;example/a.gif",
    "//{id}.stats&#46example/a.gif",
    "https&colon;//{id}&Tab;.stats&NewLine;.example/a.gif",
    "//{id}.st%61ts.example/a.gif",
    "//{id}.stats%2Eexample/a.gif",
    "//{id}.stats。example/a.gif",
    "//{id}.ｓｔａｔｓ.example/a.gif",
    "//{id}.sta&shy;ts.example/a.gif",
    "//{id}.bücher.example/a.gif",
    "//{id}.B&Uuml;CHER.example/a.gif",
    "//{id}.xn--bcher-kva.example/a.gif",
    "//{id}.b%C3%BCcher.example/a.gif",
]
SPELLINGS = [Vector(f"spelt {address!r}", f'<img src="{address}">', twin=False) for address in _SPELT] + [
    Vector("spelt with a user", head="<meta http-equiv=refresh content='0;url=https://user:word@{host}/embed/a'>", twin=False, leaves=True),
    Vector("spelt with our name as user", head="<meta http-equiv=refresh content='0;url=https://127.0.0.1@{host}/embed/a'>", twin=False, leaves=True),
]  # fmt: skip
_IMG = "<p>é <img src=https://{host}/a.gif>"
ENCODINGS = [
    Vector("in windows-1252", _IMG, coded="windows-1252", charset="windows-1252"),
    Vector("in windows-1252, not declared", _IMG, coded="windows-1252", charset=None),
    Vector("in UTF-8 with a mark", _IMG, coded="utf-8-sig", charset=None),
    Vector("in UTF-8 with a mark, declared otherwise", _IMG, coded="utf-8-sig", charset="windows-1252"),
    Vector("in wide letters, in Shift_JIS", "<img src=https://{id}.ｓｔａｔｓ.example/a.gif>",
           coded="shift_jis", charset="shift_jis", twin=False),
    Vector("in wide letters, in GBK, not declared", "<meta charset=gbk><img src=https://{id}.ｓｔａｔｓ.example/a.gif>",
           coded="gbk", charset=None, twin=False),
    Vector("in wide letters, in a script", "<script>fetch('https://{id}.ｓｔａｔｓ.example/a.gif')</script>", twin=False),
    Vector("in Shift_JIS", "<p>日本 <img src=https://{host}/a.gif>", coded="shift_jis", charset="shift_jis"),
]  # fmt: skip
_XHTML = "application/xhtml+xml"
_ROOT = '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:x="http://www.w3.org/1999/xhtml">'
XML = [
    Vector("XHTML image", "<img src='https://{host}/a.gif'/>", kind=_XHTML),
    Vector("XHTML prefixed script", f"<x:script>{_ASK}</x:script>", kind=_XHTML),
    Vector("XHTML prefixed style", "<x:style>@import 'https://{host}/a.css';</x:style>", kind=_XHTML),
    Vector("XHTML script split by a comment", "<script>fetch('https://{id}.sta<!-- </script> -->ts.example/a.gif')</script>",
           kind=_XHTML, twin=False),
    Vector("XHTML script split by a section", "<script>fetch('https://{id}.sta<![CDATA[ts.exam]]>ple/a.gif')</script>",
           kind=_XHTML, twin=False),
    Vector("XHTML script split by an instruction", "<script>fetch('https://{id}.sta<?x x?>ts.example/a.gif')</script>",
           kind=_XHTML, twin=False),
    Vector("XHTML script split by an element", "<script>fetch('https://{id}.sta<b>x</b>ts.example/a.gif')</script>",
           kind=_XHTML, twin=False),
    Vector("XHTML script that names its end", f"<script><![CDATA['</script>';{_ASK}]]></script>", kind=_XHTML),
    Vector("XHTML style split by a comment", "<style>@import 'https://{id}.sta<!-- -->ts.example/a.css';</style>",
           kind=_XHTML, twin=False),
]  # fmt: skip
VECTORS = [*SCRIPTS, *FRAMES, *IMAGES, *LINKS, *STYLES, *DEEDS, *HEADERS, *SPELLINGS, *ENCODINGS, *XML]
#: What this Chromium does not do, or not so that it could be seen. The gate holds it all the same.
UNSEEN = [
    Vector("nomodule", "<script nomodule src=https://{host}/a.js></script>"),
    Vector("noscript", "<noscript><img src=https://{host}/a.gif></noscript>"),
    Vector("template", "<template><img src=https://{host}/a.gif></template>"),
    Vector("img lowsrc", "<img lowsrc=https://{host}/a.gif>"),
    Vector("img dynsrc", "<img dynsrc=https://{host}/a.gif>"),
    Vector("preconnect", head="<link rel=preconnect href=https://{host}>"),
    Vector("Link: preconnect", headers=(("Link", "<https://{host}/>; rel=preconnect"),)),
    Vector("dns-prefetch", head="<link rel=dns-prefetch href=https://{host}>"),
    Vector(
        "search", head="<link rel=search type=application/opensearchdescription+xml title=x href=https://{host}/a.xml>"
    ),
    Vector("manifest", head="<link rel=manifest href=https://{host}/a.json>"),
    Vector("svg use", _SVG("<use href=https://{host}/a.svg#a />")),
    Vector("html manifest", "<html manifest=https://{host}/a.appcache><body>x"),
]
#: Pages that the gate cannot read: they are closed.
CLOSED = [
    Vector("in UTF-16", _IMG, coded="utf-16", charset=None, twin=False),
    Vector("in UTF-16, declared", _IMG, coded="utf-16-le", charset="utf-16le", twin=False),
    Vector("in ISO-2022-JP", "<p>日本 <img src=https://{host}/a.gif>", coded="iso2022-jp", charset="iso-2022-jp", twin=False),
    Vector("speculation rules", '<script type=speculationrules>{"prefetch":[{"urls":["https://{host}/a"],"eagerness":"immediate"}]}</script>',
           coded="utf-16", charset=None),
    Vector("meta refresh", head="<meta http-equiv=refresh content='0;url=https://{host}/embed/a'>", coded="utf-16", charset=None, leaves=True),
    Vector("script that leaves", "<script>location = 'https://{host}/embed/a'</script>", coded="utf-16", charset=None, leaves=True),
]  # fmt: skip
#: What servers say of a page that keeps no browser from showing it as one.
PAGES_ALL_THE_SAME = [
    *(
        Vector(f"Content-Disposition: {value}", _IMG, headers=(("Content-Disposition", value),))
        for value in ("attachment filename=a.html", "attachment=1; filename=a", 'attachment "a.html"', "attachment/a", "attachment:a")
    ),
    *(
        Vector(f"Content-Type: {value}", _IMG, kind=value, charset=None)
        for value in ("text/plain, unknown/unknown", "text/plain, application/unknown", "application/x-javascript, unknown/unknown",
                      "text/plain, */*;q=1", "text/plain, */* ;a", "text/plain, unknown/unknown;charset=utf-8", "text/plain;charset=utf-8, */*;a")
    ),
]  # fmt: skip
#: What asks for a part of a page, at an address of this site that leads on.
LED = [
    Vector("script", "<script src=/led-{id}></script>"),
    Vector("img", "<img src=/led-{id}>"),
    Vector("iframe", "<iframe src=/led-{id}></iframe>"),
    Vector("object", "<object data=/led-{id}></object>"),
    Vector("stylesheet", head="<link rel=stylesheet href=/led-{id}>"),
    Vector("preload", head="<link rel=preload as=script href=/led-{id}>"),
    Vector("prefetch", head="<link rel=prefetch href=/led-{id}>"),
    Vector(
        "speculation rules",
        '<script type=speculationrules>{"prerender":[{"urls":["/led-{id}"],"eagerness":"immediate"}]}</script>',
    ),
    Vector("fetch", "<script>fetch('/led-{id}').catch(() => 0)</script>"),
    Vector("beacon", "<script>navigator.sendBeacon('/led-{id}', 'x')</script>"),
    Vector("ping", "<a id=link href=#x ping=/led-{id}>x</a>", click="#link"),
]
#: Pages that XML completes: they are closed as well. What is there before the first element stands in ``head``.
CLOSED_XML = [
    Vector("style sheet", head="<?xml-stylesheet href='https://{host}/a.css'?>", kind=_XHTML),
    Vector("style sheet in data:", head="<?xml-stylesheet href='data:text/css,@import%20%22https://{host}/a.css%22'?>", kind=_XHTML),
    Vector("style sheet at the end", "</body></html><?xml-stylesheet href='https://{host}/a.css'?><!--", kind=_XHTML),
    Vector("entity", "&a;", head="<!DOCTYPE html [ <!ENTITY a '<img xmlns=\"http://www.w3.org/1999/xhtml\" src=\"https://{host}/a.gif\"/>'> ]>",
           kind=_XHTML),
    Vector("entity in an address", "<img src='https://{id}.&a;.example/a.gif'/>", head="<!DOCTYPE html [ <!ENTITY a 'stats'> ]>", kind=_XHTML),
    Vector("attribute", "<img/>", head="<!DOCTYPE html [ <!ATTLIST img src CDATA 'https://{host}/a.gif'> ]>", kind=_XHTML),
    Vector("odd prefix", "<_:img xmlns:_='http://www.w3.org/1999/xhtml' src='https://{host}/a.gif'/>", kind=_XHTML),
    Vector("odd name", "<é style='background: url(https://{host}/a.gif)'>x</é>", kind=_XHTML),
]  # fmt: skip

_NUMBERS = itertools.count(1)
_SETTINGS = {
    "services": {
        "stats": {
            "title": "Stats",
            "purposes": ["analytics"],
            "hosts": ["stats.example", "*.stats.example", "*.xn--bcher-kva.example"],
        }
    }
}
_AGREE = "async () => { await (await import('/_consent/consent.js')).consent.set({ analytics: true }) }"


@dataclass(slots=True)
class Street:
    """A site with and without the gate in front of it, a browser, and who hears of it."""

    bare: str
    gated: str
    pages: dict[str, tuple[list[tuple[str, str]], bytes]]
    context: BrowserContext
    page: Page
    outside: Outside

    def publish(self, vector: Vector, word: str, *, twin: str = "") -> str:
        """The path of a page with this vector, and after it perhaps another that goes to a host that is not held."""

        def filled(text: str, word: str, domain: str) -> str:
            host = f"{word}.{domain}"
            values = {
                "host": host,
                "HOST": host.upper(),
                "id": word,
                "purpose": "analytics",
                "code": b64encode(f"fetch('https://{host}/a.gif')".encode()).decode(),
                "page": b64encode(f"<img src=https://{host}/a.gif>".encode()).decode(),
                "wide": b64encode(f"<img src=https://{host}/a.gif>".encode("utf-16-le")).decode(),
                "base64": b64encode(f"https://{host}/a.gif".encode()).decode(),
            }
            return re.sub(
                r"\{(host|HOST|id|purpose|base64|code|page|wide)\}", lambda found: values[found.group(1)], text
            )

        def both(text: str) -> str:
            held = filled(text, word, "stats.example")
            return held + (filled(text, twin, "free.example") if twin else "")

        text = both(vector.page)
        if vector.kind == _XHTML:
            text = f"{both(vector.head)}{_ROOT}<head/><body>{text}</body></html>"
        elif not text.startswith("<html"):
            icon = "" if "rel=icon" in vector.head else '<link rel=icon href="data:,">'
            text = f"<html><head>{icon}{both(vector.head)}</head><body><h1>Page</h1>{text}"
        declared = f"; charset={vector.charset}" if vector.charset else ""
        headers = [("Content-Type", f"{vector.kind}{declared}")]
        headers += [(name, filled(value, word, "stats.example")) for name, value in vector.headers]
        headers += [(name, filled(value, twin, "free.example")) for name, value in vector.headers if twin]
        text = text if vector.kind == _XHTML else f"<!doctype html>{text}"
        self.pages[f"/{word}"] = headers, text.encode(vector.coded)
        return f"/{word}"

    def go(self, address: str, vector: Vector, word: str) -> None:
        """Go there, and do what is to be done there."""
        self.page.goto(address)
        self.act(vector, word)

    def act(self, vector: Vector, word: str) -> None:
        if vector.click:
            self.page.click(vector.click.replace("{id}", word))

    def be_led(self, vector: Vector, word: str) -> None:
        """Arrive where a page leads by itself: on its way, it would get in the way of the next one."""
        if vector.leaves:
            self.page.wait_for_url(re.compile(rf"{word}\."))

    def asked(self, word: str) -> bool:
        """Whether the third parties' server has heard this word."""
        return any(word in re.split(r"[/.]", each.lower()) for each in self.outside.asked())

    def wait_until_asked(self, word: str, what: str) -> None:
        wait_until(lambda: self.asked(word), what, PATIENCE / 3)

    def expect_silence(self, word: str) -> None:
        asked = self.asked(word)
        assert not asked, "it asked"

    def wait_out(self, word: str, *, scripts: bool = True) -> None:
        """Until requests that the page makes after it has loaded, one after the other, have been answered.

        Where it runs no ``scripts``, as long as such requests take.
        """
        self.page.wait_for_load_state("load")
        if not scripts:
            self.page.wait_for_timeout(200)
            return
        for turn in "ab":
            self.page.evaluate(
                """async (url) => {
                  await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 20)));
                  await fetch(url).catch(() => null);
                }""",
                f"https://sentinel.example/{word}{turn}.gif",
            )


@pytest.fixture(scope="module")
def browser(launch: Callable[..., Browser]) -> Iterator[Browser]:
    """The whole of it, which asks for more than its engine does: a page's icon, for one."""
    browser = launch(whole=True)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def street(browser: Browser, outside: Outside, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    pages: dict[str, tuple[list[tuple[str, str]], bytes]] = {}

    def site(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        path = environ["PATH_INFO"]
        headers, body = pages.get(path, ([("Content-Type", "image/gif")], b""))
        if path.startswith("/led-"):
            headers = [("Location", f"https://{path.removeprefix('/led-')}.stats.example/embed/a"), *headers]
        start_response("302 Found" if path.startswith("/led-") else "200 OK", headers)
        return [body]

    log = f"sqlite:///{tmp_path_factory.mktemp('vectors') / 'consent.db'}"
    app = ConsentMiddleware(site, {**_SETTINGS, "log": log}, secret_key="a key for the pages of this test")
    bare = make_server("127.0.0.1", 0, site, threaded=True, request_handler=Quiet)
    gated = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    context = browser.new_context(ignore_https_errors=True, locale="en-GB")
    with serving(bare) as bare_url, serving(gated) as gated_url:
        yield Street(bare_url, gated_url, pages, context, context.new_page(), outside)
        context.close()
    app.site.close()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: ascii(vector.name).strip("'"))
def test_it_asks_bare_and_woken_and_not_held(street: Street, vector: Vector) -> None:
    number = next(_NUMBERS)
    bare, held, twin = f"b{number}", f"h{number}", f"t{number}" if vector.twin else ""
    street.context.clear_cookies()

    street.go(street.bare + street.publish(vector, bare), vector, bare)
    street.wait_until_asked(bare, "the page without the gate to ask")
    street.be_led(vector, bare)

    address = street.gated + street.publish(vector, held, twin=twin)
    street.go(address, vector, held)
    if twin:
        street.wait_until_asked(twin, "what is not held to ask")
    street.wait_out(held)
    street.expect_silence(held)

    if street.page.url != address:  # a form that was not held back led to this site itself
        street.page.goto(address)
    street.page.evaluate(_AGREE)
    if vector.wakes:
        street.act(vector, held)
    else:
        street.wait_out(held)
        street.expect_silence(held)
        street.go(address, vector, held)
    street.wait_until_asked(held, "it to ask once it may")
    street.be_led(vector, held)


@pytest.mark.parametrize("vector", UNSEEN, ids=lambda vector: vector.name)
def test_what_this_browser_does_not_do_is_held_all_the_same(street: Street, vector: Vector) -> None:
    number = next(_NUMBERS)
    street.context.clear_cookies()
    street.page.goto(street.bare + street.publish(vector, f"b{number}"))
    street.wait_out(f"b{number}")
    assert not street.asked(f"b{number}"), "it does: move it to the others"

    address = street.gated + street.publish(vector, f"h{number}")
    answer = street.context.request.get(address)
    named = answer.headers.get("link", "") if vector.headers else answer.text().partition("x-data-consent")[0]
    if vector.headers:
        assert f"h{number}" not in named
    else:
        assert "data-consent-for=analytics data-consent-service=stats" in named
    street.context.request.post(f"{street.gated}/_consent/decision", form={"action": "accept"})
    allowed = street.context.request.get(address)
    assert f"h{number}" in (allowed.headers.get("link", "") if vector.headers else allowed.text())


def test_a_noscript_asks_where_scripts_are_off_and_only_once_it_may(street: Street, browser: Browser) -> None:
    number = next(_NUMBERS)
    bare, held, twin = f"b{number}", f"h{number}", f"t{number}"
    vector = Vector("noscript", "<noscript><img src=https://{host}/a.gif></noscript>")
    context = browser.new_context(ignore_https_errors=True, java_script_enabled=False)
    page = context.new_page()
    page.goto(street.bare + street.publish(vector, bare))
    street.wait_until_asked(bare, "the page without the gate to ask")
    address = street.gated + street.publish(vector, held, twin=twin)
    page.goto(address)  # until it has loaded, images too
    assert street.asked(twin)
    street.expect_silence(held)
    assert context.request.post(f"{street.gated}/_consent/decision", form={"action": "accept"}).ok
    page.goto(address)
    street.wait_until_asked(held, "it to ask once it may")
    context.close()


def test_rules_that_let_the_browser_choose_among_links_are_held_unless_it_stays_on_the_site(street: Street) -> None:
    def page(rule: str) -> Vector:
        rules = f'<script type=speculationrules>{{"prefetch":[{{{rule},"eagerness":"immediate"}}]}}</script>'
        return Vector("links", f"{rules}<a href=https://{{host}}/a>x</a>")

    number = next(_NUMBERS)
    bare, held, own = f"b{number}", f"h{number}", f"o{number}"
    street.context.clear_cookies()
    street.page.goto(street.bare + street.publish(page('"source":"document"'), bare))
    street.wait_until_asked(bare, "the page without the gate to ask")
    for word, rule in ((held, '"source":"document"'), (own, '"where":{"href_matches":"/*"}')):
        street.page.goto(street.gated + street.publish(page(rule), word))
        street.wait_out(word)
        street.expect_silence(word)
        rules = street.page.locator("script[type=speculationrules], script[data-consent-type=speculationrules]")
        assert rules.get_attribute("data-consent-service") == (None if word == own else "any-link")


@pytest.mark.parametrize("vector", [*CLOSED, *CLOSED_XML], ids=lambda vector: vector.name)
def test_a_page_that_is_closed_asks_nobody(street: Street, vector: Vector) -> None:
    number = next(_NUMBERS)
    bare, held = f"b{number}", f"h{number}"
    images = "document.images.length"
    street.context.clear_cookies()
    street.page.goto(street.bare + street.publish(vector, bare))
    street.wait_until_asked(bare, "the page without the gate to ask")
    street.be_led(vector, bare)
    shown = 0 if vector.leaves else street.page.evaluate(images)
    address = street.gated + street.publish(vector, held)
    answer = street.page.goto(address)
    assert answer is not None
    assert "content-security-policy" in answer.headers
    street.wait_out(held, scripts=False)
    assert street.page.evaluate(images) == shown
    assert street.page.url == address
    street.expect_silence(held)


@pytest.mark.parametrize("vector", PAGES_ALL_THE_SAME, ids=lambda vector: vector.name)
def test_what_a_browser_shows_as_a_page_all_the_same_asks_nobody(street: Street, vector: Vector) -> None:
    number = next(_NUMBERS)
    bare, held = f"b{number}", f"h{number}"
    street.context.clear_cookies()
    street.page.goto(street.bare + street.publish(vector, bare))
    street.wait_until_asked(bare, "the page without the gate to ask")
    street.page.goto(street.gated + street.publish(vector, held))
    street.wait_out(held, scripts=False)
    expect(street.page.locator("h1")).to_have_text("Page")
    street.expect_silence(held)


@pytest.mark.parametrize("vector", LED, ids=lambda vector: vector.name)
def test_what_a_page_loads_from_the_site_leads_to_nobody_held(street: Street, vector: Vector) -> None:
    number = next(_NUMBERS)
    bare, held = f"b{number}", f"h{number}"
    street.context.clear_cookies()
    street.go(street.bare + street.publish(vector, bare), vector, bare)
    street.wait_until_asked(bare, "the page without the gate to ask")
    address = street.gated + street.publish(vector, held)
    street.go(address, vector, held)
    street.wait_out(held)
    street.expect_silence(held)
    street.page.goto(f"{street.gated}/led-{held}")
    assert street.asked(held), "a visit is led there"


# What visitors may have written, where a sanitizer lets data- attributes through.

_FORGED = "data-consent-for=necessary data-consent-src=/none data-consent-onerror=\"ran.push('forged')\""


@pytest.mark.parametrize(
    "forged",
    [
        f"<img {_FORGED}>",
        f"<img {_FORGED.replace('data-consent', 'DATA-Consent')}>",
        f"<img src=https://{{host}}/a.gif {_FORGED} data-consent-onload=\"ran.push('forged')\">",
        f"<svg><foreignObject><img {_FORGED}></foreignObject></svg>",
        f"<svg><p><img {_FORGED}>",
        f"<div><template shadowrootmode=open><img {_FORGED}></template></div>",
        f"<svg><image {_FORGED.replace('src', 'href')} /></svg>",
        "<script type=text/plain data-consent-for=necessary>ran.push('forged')</script>",
        "<iframe data-consent-for=necessary data-consent-srcdoc='<script>parent.ran.push(`forged`)</script>'></iframe>",
    ],
)
def test_marks_that_the_application_wrote_wake_nothing(street: Street, forged: str) -> None:
    word = f"h{next(_NUMBERS)}"
    street.context.clear_cookies()
    ours = "<img data-purpose=analytics src=/none onerror=\"ran.push('held')\">"
    page = Vector("forged", f"{ours}{forged}", head="<script>window.ran = []</script>")
    street.page.goto(street.gated + street.publish(page, word))
    street.page.evaluate(_AGREE)
    wait_until(lambda: "held" in street.page.evaluate("ran"), "what the gate held to run")
    street.wait_out(word)
    assert street.page.evaluate("ran") == ["held"]


@pytest.mark.parametrize("between", ["", "&#9;", "&NewLine;", "&#13;"])
@pytest.mark.parametrize("before", ["", " ", "&#1;"])
def test_marks_that_come_later_wake_no_code_however_its_address_is_spelt(
    street: Street, before: str, between: str
) -> None:
    """Browsers strip controls around an address, and tabs and line ends within it."""
    street.context.clear_cookies()
    ours = "<img data-purpose=analytics src=/none onerror=\"ran.push('held')\">"
    page = Vector("later", ours, head="<script>window.ran = []</script>")
    street.page.goto(street.gated + street.publish(page, f"h{next(_NUMBERS)}"))
    code = f"{before}java{between}script:parent.ran.push('forged')"
    street.page.evaluate(
        """async (code) => {
          await import("/_consent/consent.js");
          document.body.insertAdjacentHTML("afterbegin", `<a data-consent-for=necessary data-consent-href="${code}">x</a>
            <iframe data-consent-for=necessary data-consent-src="${code}"></iframe>`);
        }""",
        code,
    )
    street.page.evaluate(_AGREE)
    wait_until(lambda: "held" in street.page.evaluate("ran"), "what the gate held to run")
    street.page.locator("a", has_text="x").dispatch_event("click")
    assert street.page.evaluate("ran") == ["held"]
    expect(street.page.locator("a", has_text="x")).not_to_have_attribute("href", re.compile(""))


def test_a_tag_that_was_not_read_is_not_woken(street: Street) -> None:
    word = f"h{next(_NUMBERS)}"
    street.context.clear_cookies()
    street.page.goto(
        street.gated + street.publish(Vector("long", f"<p title={'x' * TAG_CAP} {_FORGED}>x</p><p id=end>"), word)
    )
    unread = street.page.locator("x-consent-held-p")
    expect(unread).to_have_attribute("data-consent-for", "necessary")
    street.page.evaluate(_AGREE)
    expect(unread).not_to_have_attribute("onerror", re.compile(""))
    expect(unread).to_have_attribute("data-consent-for", "necessary")
