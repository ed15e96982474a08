package dsn

import (
	"strings"
	"testing"
)

func TestBuild(t *testing.T) {
	const ref = seedProdRef
	secret := NewSecret("MyP@ss+word!/123")
	const encoded = "MyP%40ss%2Bword%21%2F123" // the seed's own example
	for _, c := range []struct {
		name string
		o    BuildOptions
		want string
	}{
		{"shared", BuildOptions{User: "postgres", Ref: ref, Region: "us-east-1", Password: secret},
			"postgresql://postgres." + ref + ":" + encoded + "@aws-0-us-east-1.pooler.supabase.com:6543/postgres?sslmode=require"},
		{"ref once", BuildOptions{User: "postgres." + ref, Ref: ref, Region: "eu-west-2", Cluster: 1, Database: "my db", Password: secret},
			"postgresql://postgres." + ref + ":" + encoded + "@aws-1-eu-west-2.pooler.supabase.com:6543/my%20db?sslmode=require"},
		{"dedicated", BuildOptions{User: "my.app." + ref, Ref: ref, Mode: ModeDedicated, Password: secret},
			"postgresql://my.app:" + encoded + "@db." + ref + ".supabase.co:6543/postgres?sslmode=require"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Build(c.o)
			if err != nil || got != c.want {
				t.Fatalf("%s, %v; want %s", got, err, c.want)
			}
			if r := judge(got, Prod); !r.Valid() || !r.DSN.Password.Equal(secret) {
				t.Errorf("what was built is not valid: %+v", r.Findings)
			}
		})
	}
}

func TestBuildRefuses(t *testing.T) {
	good := BuildOptions{User: "postgres", Ref: seedProdRef, Region: "us-east-1", Password: NewSecret("zq7zq7")}
	for name, spoil := range map[string]func(*BuildOptions){
		"no user":       func(o *BuildOptions) { o.User = "" },
		"only a ref":    func(o *BuildOptions) { o.User = "." + seedProdRef },
		"other project": func(o *BuildOptions) { o.User = "postgres." + otherRef },
		"newline":       func(o *BuildOptions) { o.User = "post\ngres" },
		"database":      func(o *BuildOptions) { o.Database = "a\tb" },
		"ref":           func(o *BuildOptions) { o.Ref = "IAKETSYHMQBWAABGYKUX" },
		"region":        func(o *BuildOptions) { o.Region = "aws-0-us-east-1" },
		"no region":     func(o *BuildOptions) { o.Region = "" },
		"mode":          func(o *BuildOptions) { o.Mode = ModeDirect },
		"no password":   func(o *BuildOptions) { o.Password = Secret{} },
		"zero byte":     func(o *BuildOptions) { o.Password = NewSecret("zq7\x00zq7") },
	} {
		o := good
		spoil(&o)
		if got, err := Build(o); err == nil || strings.Contains(err.Error(), "zq7") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestWithPassword(t *testing.T) {
	secret := NewSecret("p@ss word")
	for _, raw := range []string{
		"postgresql://postgres.iaketsyhmqbwaabgykux" + tail,
		"postgresql://postgres.iaketsyhmqbwaabgykux:" + tail,
	} {
		got, err := WithPassword(raw, secret)
		if err != nil {
			t.Fatal(err)
		}
		if r := judge(got, Prod); !r.Valid() || !r.DSN.Password.Equal(secret) {
			t.Errorf("%+v", r)
		}
	}
	for _, raw := range []string{"", sharedProd, "postgresql://u:p@ss@h/db"} {
		if got, err := WithPassword(raw, secret); err == nil {
			t.Errorf("%s became %s", raw, got)
		}
	}
}
