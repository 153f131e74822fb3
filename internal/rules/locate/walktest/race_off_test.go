//go:build !race

package walktest_test

const raceEnabled = false
