package main

// storeFlag says where the database is.
type storeFlag struct {
	Store string `help:"Database: postgres://user:password@host:5432/database?sslmode=verify-full, or embedded for the one in the data directory. The data directory remembers it. Without a password in it, PGPASSWORD or the password file count." env:"CALLBOX_STORE" placeholder:"URL"`
}
