import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.Base64;

import com.jayway.jsonpath.JsonPath;
import com.jayway.jsonpath.PathNotFoundException;
import org.apache.velocity.VelocityContext;
import org.apache.velocity.app.VelocityEngine;
import org.apache.velocity.app.event.EventCartridge;
import org.apache.velocity.app.event.InvalidReferenceEventHandler;
import org.apache.velocity.context.Context;
import org.apache.velocity.util.introspection.Info;

// Oracle renders templates with Apache Velocity 1.7 and finds JSONPath with Jayway 2.4,
// set up as API Gateway was seen to have them. It records what the tests hold this
// package to:
//
//	VELOCITY_CLASSPATH=… go test ./integration/vtl -run TestRecorded -update
//
// The class path has velocity 1.7 with commons-collections 3 and commons-lang 2, and
// json-path 2.4 with json-smart, accessors-smart, asm and slf4j-api. Each line of the
// input is a template and a body in base64, each line of the output OK and the text, or
// ERR and the exception.
public class Oracle {
  public static class Input {
    private final String body;

    Input(String body) { this.body = body; }

    public Object path(String path) {
      try {
        return JsonPath.read(body, path);
      } catch (PathNotFoundException e) {
        return null;
      }
    }
  }

  // Nothing stands for the empty text, as the service was seen to have it.
  public static class Nothing implements InvalidReferenceEventHandler {
    public Object invalidGetMethod(Context c, String reference, Object o, String property, Info i) { return ""; }
    public boolean invalidSetMethod(Context c, String left, String right, Info i) { return false; }
    public Object invalidMethod(Context c, String reference, Object o, String method, Info i) { return ""; }
  }

  static String encode(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
  }

  static String decode(String text) {
    return new String(Base64.getDecoder().decode(text), StandardCharsets.UTF_8);
  }

  public static void main(String[] args) throws Exception {
    VelocityEngine engine = new VelocityEngine();
    engine.setProperty("runtime.log.logsystem.class", "org.apache.velocity.runtime.log.NullLogChute");
    engine.setProperty("velocimacro.permissions.allow.inline", "false");
    engine.init();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    PrintStream out = new PrintStream(System.out, true, "UTF-8");
    for (String line; (line = in.readLine()) != null; ) {
      String[] fields = line.split("\t", -1);
      try {
        VelocityContext context = new VelocityContext();
        EventCartridge events = new EventCartridge();
        events.addEventHandler(new Nothing());
        events.attachToContext(context);
        context.put("input", new Input(decode(fields[1])));
        StringWriter text = new StringWriter();
        engine.evaluate(context, text, "template", decode(fields[0]));
        out.println("OK\t" + encode(text.toString()));
      } catch (Throwable e) {
        out.println("ERR\t" + encode(e.getClass().getSimpleName()));
      }
    }
  }
}
