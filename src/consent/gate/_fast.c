/* Passes over what of a page may be left out, and reads single tags: what sight.py and tokens.py do, many times as fast.

   Bytes and offsets in, offsets out. Nothing is kept between calls, and no byte is read that is not within the data:
   every loop is bounded by its end, and goes forward only. What cannot be told here is left to Python, so that a
   doubt costs time and nothing else. tests/gate/test_fast.py asks this and the Python beside it the same. */

#define Py_LIMITED_API 0x030b0000
#include <Python.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned char byte;

/* What a byte may be (HTML Standard, 13.2.5). */
enum {
    SPACE = 1,     /* tab, line feed, form feed, carriage return, space */
    ENDS = 2,      /* ends a tag's name: SPACE, "/", ">" */
    NO_NAME = 4,   /* is in no simply written name: ENDS, quotes, "=", "<" */
    MARK = 8,      /* ends what is between the values of a tag: "<", ">", quotes, "=" */
    NO_QUOTED = 16, /* is in no simply written value within quotes */
    NO_BARE = 32,  /* is in none without quotes */
};
static byte kinds[256];

static void
set_kinds(const char *bytes, byte kind)
{
    for (; *bytes; bytes++)
        kinds[(byte)*bytes] |= kind;
}

static int
is_space(byte each)
{
    return kinds[each] & SPACE;
}

static int
is_letter(byte each)
{
    return (byte)((each | 32) - 'a') < 26;
}

static byte
lower(byte each)
{
    return (byte)(each - 'A') < 26 ? each | 32 : each;
}

static const byte *
skip_spaces(const byte *at, const byte *end)
{
    while (at < end && is_space(*at))
        at++;
    return at;
}

/* Where a byte is next, or NULL. */
static const byte *
find(const byte *at, const byte *end, byte each)
{
    return at < end ? memchr(at, each, end - at) : NULL;
}

/* Whether a lower-case word is here, in either case. */
static int
is_here(const byte *at, const byte *end, const char *word)
{
    for (; *word; word++, at++)
        if (at >= end || lower(*at) != (byte)*word)
            return 0;
    return 1;
}

/* ---- a tag */

typedef struct {
    const byte *name, *name_end, *end;
    int self_closing;
} Tag;

typedef struct {
    const byte *name, *name_end, *value, *value_end, *end;
} Attribute;

/* Reads a tag, whose name is at tag->name, if it is simply written: no two readers could take it for something else.
   Says whether it is, and ends before the end. */
static int
read_simple(Tag *tag, const byte *end)
{
    const byte *at = tag->name;
    if (at >= end || !is_letter(*at))
        return 0;
    while (at < end && !(kinds[*at] & NO_NAME))
        at++;
    if (at >= end || !(kinds[*at] & ENDS))
        return 0;
    tag->name_end = at;
    for (;;) {
        const byte *between = at;
        while (at < end && !(kinds[*at] & MARK))
            at++;
        if (at >= end)
            return 0;
        if (*at == '>') {
            tag->self_closing = at > between && at[-1] == '/';
            tag->end = at + 1;
            return 1;
        }
        if (*at != '=' || at == between || kinds[at[-1]] & NO_NAME || ++at >= end)
            return 0;
        const byte *value = at;
        if (*at == '"' || *at == '\'') {
            at++;
            while (at < end && *at != *value && !(kinds[*at] & NO_QUOTED))
                at++;
            if (at >= end || *at++ != *value)
                return 0;
        }
        else {
            while (at < end && !(kinds[*at] & NO_BARE))
                at++;
            if (at == value || at >= end || !(is_space(*at) || *at == '>'))
                return 0;
        }
    }
}

/* Reads an attribute of a tag that is written anyhow; spaces and slashes may be in front of it. Says 1 if it is one, 0
   if there is none more and the tag ends, -1 if the data does. */
static int
read_attribute(Attribute *attribute, const byte *at, const byte *end)
{
    while (at < end && (is_space(*at) || *at == '/'))
        at++;
    attribute->end = at;
    if (at >= end)
        return -1;
    if (*at == '>')
        return 0;
    attribute->name = at++; /* "=" may begin it */
    while (at < end && !(kinds[*at] & ENDS) && *at != '=')
        at++;
    attribute->name_end = attribute->value = attribute->value_end = attribute->end = at;
    at = skip_spaces(at, end);
    if (at >= end || *at != '=')
        return 1;
    at = skip_spaces(at + 1, end);
    if (at >= end)
        return -1;
    if (*at == '"' || *at == '\'') {
        const byte *closing = find(at + 1, end, *at);
        if (closing == NULL)
            return -1;
        attribute->value = at + 1;
        attribute->value_end = closing;
        attribute->end = closing + 1;
        return 1;
    }
    attribute->value = at;
    while (at < end && !is_space(*at) && *at != '>')
        at++;
    attribute->value_end = attribute->end = at;
    return 1;
}

/* Reads a tag, whose name is at tag->name, as a browser does. Says whether it is one, and ends before the end. */
static int
read_any(Tag *tag, const byte *end)
{
    const byte *at = tag->name;
    if (at >= end || !is_letter(*at))
        return 0;
    while (at < end && !(kinds[*at] & ENDS))
        at++;
    tag->name_end = at;
    Attribute attribute = {.end = at};
    int more;
    do {
        at = attribute.end;
        more = read_attribute(&attribute, at, end);
    } while (more > 0);
    if (more < 0)
        return 0;
    tag->self_closing = attribute.end > at && attribute.end[-1] == '/';
    tag->end = attribute.end + 1;
    return 1;
}

/* ---- what is told apart from text */

/* Where a comment ends whose "<!--" is here, or NULL (13.2.5.43). */
static const byte *
comment_end(const byte *opening, const byte *end)
{
    const byte *at = opening + 4;
    if (at < end && *at == '>')
        return at + 1;
    if (end - at > 1 && at[0] == '-' && at[1] == '>')
        return at + 2;
    while ((at = find(at, end, '-')) != NULL) {
        at++;
        if (end - at > 1 && at[0] == '-' && at[1] == '>')
            return at + 2;
        if (end - at > 2 && at[0] == '-' && at[1] == '!' && at[2] == '>')
            return at + 3;
    }
    return NULL;
}

/* The same, if HTML, svg and everybody else takes it for the same comment; else NULL. */
static const byte *
simple_comment_end(const byte *opening, const byte *end)
{
    const byte *start = opening + 4, *at = start;
    for (; at < end && *at != '<' && *at != '>'; at++)
        if (*at == '-' && (at == start || (at + 1 < end && at[1] == '-')))
            return end - at > 2 && at > start && at[2] == '>' ? at + 3 : NULL;
    return NULL;
}

/* Where an end tag ends whose name ends here, if nothing else is in it; else NULL. */
static const byte *
closed(const byte *name_end, const byte *end)
{
    const byte *at = skip_spaces(name_end, end);
    return at < end && *at == '>' ? at + 1 : NULL;
}

/* What an element is to what follows it. */
enum {
    PLAIN,  /* nothing */
    ALIEN,  /* it may change how that is read */
    FOREIGN, FRAME, NOSCRIPT, SCRIPT, STYLE, LINK, META, TITLE,
};

static int
element(const Tag *tag)
{
    static const struct { const char *name; int kind; } known[] = {
        {"script", SCRIPT}, {"style", STYLE}, {"link", LINK}, {"meta", META}, {"iframe", FRAME}, {"svg", FOREIGN},
        {"title", TITLE}, {"noscript", NOSCRIPT}, {"select", FOREIGN}, {"math", FOREIGN}, {"textarea", ALIEN},
        {"template", ALIEN}, {"col", ALIEN}, {"frameset", ALIEN}, {"noembed", ALIEN}, {"noframes", ALIEN},
        {"plaintext", ALIEN}, {"xmp", ALIEN},
    };
    if (strchr("slmitnfcpx", lower(*tag->name)) == NULL)
        return PLAIN;
    size_t length = tag->name_end - tag->name;
    for (size_t number = 0; number < sizeof known / sizeof *known; number++)
        if (strlen(known[number].name) == length && is_here(tag->name, tag->name_end, known[number].name))
            return known[number].kind;
    return PLAIN;
}

static int
compare_names(const void *tag, const void *name)
{
    const Tag *read = tag;
    size_t length = read->name_end - read->name, known = strlen(*(const char *const *)name);
    int order = memcmp(read->name, *(const char *const *)name, length < known ? length : known);
    return order ? order : (length > known) - (length < known);
}

/* Whether an element within svg, MathML or a select does not change how what is in it is read. */
static int
is_shape(const Tag *tag)
{
    static const char *const shapes[] = {
        "annotation", "circle", "defs", "ellipse", "g", "line", "linearGradient", "lineargradient", "mfrac", "mover",
        "mpadded", "mroot", "mrow", "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtr",
        "munder", "munderover", "optgroup", "option", "path", "polygon", "polyline", "radialGradient", "radialgradient",
        "rect", "semantics", "stop", "symbol", "text", "tspan", "use",
    };
    return bsearch(tag, shapes, sizeof shapes / sizeof *shapes, sizeof *shapes, compare_names) != NULL;
}

/* Whether in an element of svg, MathML or a select HTML goes on. */
static int
is_label(const Tag *tag)
{
    static const char *const labels[] = {"desc", "mi", "mn", "mo", "ms", "mtext", "title"};
    return bsearch(tag, labels, sizeof labels / sizeof *labels, sizeof *labels, compare_names) != NULL;
}

/* Whether an end tag of this very name begins here; where its name ends then. */
static const byte *
same_name_end(const byte *opening, const byte *end, const Tag *tag)
{
    Py_ssize_t length = tag->name_end - tag->name;
    if (end - opening < length + 2 || opening[1] != '/' || memcmp(opening + 2, tag->name, length) != 0)
        return NULL;
    return opening + 2 + length;
}

/* Where a label ends, in which there is nothing but text and comments; else NULL. */
static const byte *
label_end(const Tag *tag, const byte *end)
{
    const byte *opening = tag->self_closing ? NULL : find(tag->end, end, '<');
    while (opening != NULL && is_here(opening, end, "<!--")) {
        const byte *after = simple_comment_end(opening, end);
        opening = after != NULL ? find(after, end, '<') : NULL;
    }
    const byte *name_end = opening != NULL ? same_name_end(opening, end, tag) : NULL;
    return name_end != NULL ? closed(name_end, end) : NULL;
}

/* Where svg, MathML or a select ends, in which there are but shapes, labels, comments and text; else NULL. */
static const byte *
foreign_end(const Tag *tag, const byte *end)
{
    const byte *at = tag->self_closing ? NULL : tag->end;
    while (at != NULL && (at = find(at, end, '<')) != NULL) {
        const byte *name_end = same_name_end(at, end, tag);
        if (name_end != NULL && name_end < end && *name_end == '>')
            return name_end + 1;
        Tag within = {.name = at + 1};
        if (is_here(at, end, "<!--"))
            at = simple_comment_end(at, end);
        else if (end - at > 2 && at[1] == '/') {
            within.name = within.name_end = at + 2;
            while (within.name_end < end && is_letter(*within.name_end))
                within.name_end++;
            at = is_shape(&within) ? closed(within.name_end, end) : NULL;
        }
        else if (!read_simple(&within, end))
            return NULL;
        else
            at = is_shape(&within) ? within.end : is_label(&within) ? label_end(&within, end) : NULL;
    }
    return NULL;
}

/* ---- what may be left out */

/* Offsets in order, each of them just behind something that may be somebody's; or None, if anything may be. */
typedef struct {
    PyObject *offsets;
    Py_ssize_t number, count, next; /* next: the first that is not passed yet, or beyond everything */
} Marks;

static Py_ssize_t
mark_at(const Marks *marks, Py_ssize_t number)
{
    return number < marks->count ? PyLong_AsSsize_t(PyList_GetItem(marks->offsets, number)) : PY_SSIZE_T_MAX;
}

/* Those of a list that are behind an offset. Says whether it is one. */
static int
set_marks(Marks *marks, PyObject *offsets, Py_ssize_t at)
{
    *marks = (Marks){.offsets = offsets};
    if (offsets == Py_None)
        return 1;
    if (!PyList_Check(offsets)) {
        PyErr_SetString(PyExc_TypeError, "offsets must be a list or None");
        return 0;
    }
    Py_ssize_t low = 0, high = marks->count = PyList_Size(offsets);
    while (low < high) {
        Py_ssize_t middle = low + (high - low) / 2;
        if (mark_at(marks, middle) > at)
            high = middle;
        else
            low = middle + 1;
    }
    marks->number = low;
    marks->next = mark_at(marks, low);
    return !PyErr_Occurred();
}

/* Whether one of them is behind a byte from start to end. Nobody may ask for an earlier start afterwards. */
static int
any_in(Marks *marks, Py_ssize_t start, Py_ssize_t end)
{
    if (marks->offsets == Py_None)
        return 1;
    while (marks->next <= start)
        marks->next = mark_at(marks, ++marks->number);
    return marks->next <= end;
}

typedef struct {
    const byte *start, *end;
    Marks suspects, scripts, styles;
} Page;

/* Where a script ends that has an ordinary text, and nothing in it that may be somebody's; else NULL. */
static const byte *
script_end(Page *page, const byte *text)
{
    for (const byte *at = text; (at = find(at, page->end, '<')) != NULL; at++) {
        int slash = page->end - at > 1 && at[1] == '/';
        if (is_here(at, page->end, "<!--"))
            return NULL;
        if (!is_here(at + 1 + slash, page->end, "script"))
            continue;
        /* What shows that a name ends may be behind the text. */
        if (!slash || any_in(&page->scripts, text - page->start, at + 1 - page->start))
            return NULL;
        return closed(at + 8, page->end);
    }
    return NULL;
}

/* The same of a style, in which nothing may hide an address, either. */
static const byte *
style_end(Page *page, const byte *text)
{
    for (const byte *at = text; (at = find(at, page->end, '<')) != NULL; at++) {
        if (!is_here(at, page->end, "</style"))
            continue;
        if (any_in(&page->styles, text - page->start, at - page->start) || find(text, at, '\\') || find(text, at, '\t')
            || find(text, at, '\0'))
            return NULL;
        for (const byte *rule = text; (rule = find(rule, at, '@')) != NULL; rule++)
            if (is_here(rule + 1, at, "import"))
                return NULL;
        for (const byte *slash = text; (slash = find(slash, at, '/')) != NULL; slash++)
            if (slash - text >= 4 && is_here(slash - 4, at, "text/css"))
                return NULL;
        return closed(at + 7, page->end);
    }
    return NULL;
}

static const byte *
frame_end(const Tag *tag, const byte *end)
{
    for (const byte *at = tag->name_end; at < tag->end; at++)
        if (is_here(at, tag->end, "srcdoc"))
            return NULL; /* a document of its own */
    const byte *opening = find(tag->end, end, '<');
    return opening != NULL && is_here(opening, end, "</iframe") ? closed(opening + 8, end) : NULL;
}

/* Where a plain start or end tag ends, whose "<" is here; else NULL. */
static const byte *
plain_tag_end(const byte *opening, const byte *end)
{
    Tag tag = {.name = opening + 1};
    if (end - opening > 2 && opening[1] == '/' && is_letter(opening[2])) {
        const byte *at = opening + 2;
        while (at < end && !(kinds[*at] & NO_NAME))
            at++;
        return closed(at, end);
    }
    int kind = read_simple(&tag, end) ? element(&tag) : ALIEN;
    return kind == PLAIN || kind == LINK || kind == META ? tag.end : NULL;
}

/* Where a noscript ends, in which there are but plain tags and text; else NULL. */
static const byte *
noscript_end(const Tag *tag, const byte *end)
{
    const byte *at = tag->end;
    while (at != NULL && (at = find(at, end, '<')) != NULL) {
        if (is_here(at, end, "</noscript"))
            return closed(at + 10, end);
        at = plain_tag_end(at, end);
    }
    return NULL;
}

/* Where what begins with a "<" ends, in a page's body, if it may be left out; else NULL. */
static const byte *
body_token_end(Page *page, const byte *opening)
{
    const byte *at = opening + 1, *end = page->end;
    if (at >= end || *at == '?')
        return NULL;
    if (*at == '!')
        return is_here(opening, end, "<!--") ? comment_end(opening, end) : NULL;
    if (*at == '/')
        return plain_tag_end(opening, end);
    if (!is_letter(*at))
        return at; /* it is text */
    Tag tag = {.name = at};
    if (!read_simple(&tag, end) || any_in(&page->suspects, opening - page->start, tag.end - page->start))
        return NULL;
    switch (element(&tag)) {
    case PLAIN: case LINK: case META:
        return tag.end;
    case SCRIPT:
        return script_end(page, tag.end);
    case STYLE:
        return style_end(page, tag.end);
    case FOREIGN:
        at = foreign_end(&tag, end);
        break;
    case FRAME:
        at = frame_end(&tag, end);
        break;
    case NOSCRIPT:
        at = noscript_end(&tag, end);
        break;
    default:
        return NULL;
    }
    return at != NULL && !any_in(&page->suspects, opening - page->start, at - page->start) ? at : NULL;
}

/* The same before the body, where there is less that is sure. */
static const byte *
head_token_end(Page *page, const byte *opening)
{
    const byte *end = page->end;
    if (is_here(opening, end, "<!--"))
        return comment_end(opening, end);
    int slash = end - opening > 1 && opening[1] == '/';
    Tag tag = {.name = opening + 1 + slash};
    if (!read_simple(&tag, end) || any_in(&page->suspects, opening - page->start, tag.end - page->start))
        return NULL;
    const byte *at;
    switch (element(&tag)) {
    case SCRIPT:
        return slash ? closed(tag.name_end, end) : script_end(page, tag.end);
    case STYLE:
        return slash ? closed(tag.name_end, end) : style_end(page, tag.end);
    case LINK: case META:
        return tag.end;
    case TITLE:
        at = slash ? opening : find(tag.end, end, '<');
        return at != NULL && is_here(at, end, "</title") ? closed(at + 7, end) : NULL;
    default:
        return NULL;
    }
}

PyDoc_STRVAR(plain_end_doc, "plain_end(data, at, in_head, suspects, scripts, styles, /)\n--\n\n\
Where what may be left out ends that begins at an offset.");

static PyObject *
plain_end(PyObject *Py_UNUSED(module), PyObject *given)
{
    PyObject *data, *suspects, *scripts, *styles;
    Py_ssize_t from;
    int in_head;
    if (!PyArg_ParseTuple(given, "SnpOOO", &data, &from, &in_head, &suspects, &scripts, &styles))
        return NULL;
    if (from < 0 || from > PyBytes_Size(data))
        return PyErr_Format(PyExc_ValueError, "%zd is not within the data", from);
    Page page = {.start = (const byte *)PyBytes_AsString(data)};
    page.end = page.start + PyBytes_Size(data);
    if (!set_marks(&page.suspects, suspects, from) || !set_marks(&page.scripts, scripts, from)
        || !set_marks(&page.styles, styles, from))
        return NULL;
    const byte *at = page.start + from;
    for (;;) {
        const byte *opening = in_head ? skip_spaces(at, page.end) : find(at, page.end, '<');
        if (opening == NULL)
            opening = page.end;
        at = opening < page.end && *opening == '<'
            ? (in_head ? head_token_end : body_token_end)(&page, opening) : NULL;
        if (at == NULL)
            return PyErr_Occurred() ? NULL : PyLong_FromSsize_t(opening - page.start);
    }
}

/* ---- single tags, for Python */

static PyObject *
lower_bytes(const byte *start, const byte *end)
{
    PyObject *made = PyBytes_FromStringAndSize(NULL, end - start);
    if (made != NULL)
        for (char *into = PyBytes_AsString(made); start < end; start++)
            *into++ = (char)lower(*start);
    return made;
}

PyDoc_STRVAR(read_tag_doc, "read_tag(data, at, limit, /)\n--\n\n\
The tag whose name is at an offset: its name, where that and the tag end, whether it closes itself, whether it is simple.");

static PyObject *
read_tag(PyObject *Py_UNUSED(module), PyObject *given)
{
    PyObject *data;
    Py_ssize_t from, limit;
    if (!PyArg_ParseTuple(given, "Snn", &data, &from, &limit))
        return NULL;
    const byte *start = (const byte *)PyBytes_AsString(data);
    Py_ssize_t size = PyBytes_Size(data);
    if (limit > size)
        limit = size;
    if (from < 0 || from > limit)
        Py_RETURN_NONE;
    Tag tag = {.name = start + from};
    int simple = read_simple(&tag, start + limit);
    if (!simple && !read_any(&tag, start + limit))
        Py_RETURN_NONE;
    PyObject *name = lower_bytes(tag.name, tag.name_end);
    if (name == NULL)
        return NULL;
    return Py_BuildValue("(NnnOO)", name, (Py_ssize_t)(tag.name_end - start), (Py_ssize_t)(tag.end - start),
                         tag.self_closing ? Py_True : Py_False, simple ? Py_True : Py_False);
}

PyDoc_STRVAR(attributes_doc, "attributes(data, at, end, /)\n--\n\n\
The attributes of a tag that ends, from the end of its name: name, value, and where the name is.");

static PyObject *
attributes(PyObject *Py_UNUSED(module), PyObject *given)
{
    PyObject *data;
    Py_ssize_t from, to;
    if (!PyArg_ParseTuple(given, "Snn", &data, &from, &to))
        return NULL;
    if (from < 0 || to < from || to > PyBytes_Size(data))
        return PyErr_Format(PyExc_ValueError, "%zd to %zd is not within the data", from, to);
    const byte *start = (const byte *)PyBytes_AsString(data), *end = start + to;
    PyObject *all = PyList_New(0);
    Attribute each = {.end = start + from};
    while (all != NULL && read_attribute(&each, each.end, end) > 0) {
        /* Without "#": which function reads that depends on the headers, not only on the ABI. One that is NULL raises. */
        PyObject *made = Py_BuildValue(
            "(NNn)", lower_bytes(each.name, each.name_end),
            PyBytes_FromStringAndSize((const char *)each.value, each.value_end - each.value), (Py_ssize_t)(each.name - start));
        if (made == NULL || PyList_Append(all, made) < 0)
            Py_CLEAR(all);
        Py_XDECREF(made);
    }
    return all;
}

static PyMethodDef methods[] = {
    {"plain_end", plain_end, METH_VARARGS, plain_end_doc},
    {"read_tag", read_tag, METH_VARARGS, read_tag_doc},
    {"attributes", attributes, METH_VARARGS, attributes_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "_fast", .m_size = 0, .m_methods = methods};

PyMODINIT_FUNC
PyInit__fast(void)
{
    set_kinds("\t\n\f\r ", SPACE | ENDS | NO_NAME | NO_BARE);
    set_kinds("/>", ENDS | NO_NAME);
    set_kinds("\"'=<", NO_NAME);
    set_kinds("<>\"'=", MARK);
    set_kinds("<>\\\t\n\r", NO_QUOTED);
    set_kinds("\"'<>=`\\", NO_BARE);
    return PyModuleDef_Init(&module);
}
