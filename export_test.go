package requests

// CloseShared ends the pool of the package functions when all tests are done,
// so that what is left then was left behind by a test.
func CloseShared() { shared.Close() }
