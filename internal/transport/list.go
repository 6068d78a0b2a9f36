package transport

// A list is a doubly linked list whose nodes are fields of its elements, so
// that adding and removing one needs neither memory nor a search. The zero list
// is empty.
type list[T any] struct {
	first, last *node[T]
	n           int
}

// A node is an element's place in a list.
type node[T any] struct {
	prev, next *node[T]
	of         *T // nil while it is in no list
}

// push adds e, whose node is at, behind the last element.
func (l *list[T]) push(at *node[T], e *T) {
	at.of, at.prev, at.next = e, l.last, nil
	if l.last == nil {
		l.first = at
	} else {
		l.last.next = at
	}
	l.last = at
	l.n++
}

// unshift adds e, whose node is at, before the first element.
func (l *list[T]) unshift(at *node[T], e *T) {
	at.of, at.prev, at.next = e, nil, l.first
	if l.first == nil {
		l.last = at
	} else {
		l.first.prev = at
	}
	l.first = at
	l.n++
}

// remove takes out the element at the node, which must be in l.
func (l *list[T]) remove(at *node[T]) {
	if at.prev == nil {
		l.first = at.next
	} else {
		at.prev.next = at.next
	}
	if at.next == nil {
		l.last = at.prev
	} else {
		at.next.prev = at.prev
	}
	*at = node[T]{}
	l.n--
}

// front returns the first element, or nil.
func (l *list[T]) front() *T {
	if l.first == nil {
		return nil
	}
	return l.first.of
}
